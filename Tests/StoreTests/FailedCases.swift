import CaseRouting
import Operations
import Store

extension StoreFixture {
    static let author = Author(name: "ann", host: "test")

    /// With the mappings that the configuration of these tests has.
    static func mapped(_ body: (StoreFixture) async throws -> Void) async throws {
        try await with { fixture in
            try await fixture.run(
                """
                INSERT INTO caserouter.mappings (id, version, org, queue_id, queue_name, cic, workgroup, changed_by)
                VALUES (1, 1, 'acme', '\(queue)', 'q', 'main', 'Support', 'ann'),
                    (2, 1, 'acme', '\(otherQueue)', 'r', 'main', 'Sales', 'ann')
                """)
            try await body(fixture)
        }
    }

    var failures: Failures { Failures(store: PostgresFailureStore(connections)) }

    /// A case that has failed once, as a worker would have failed it.
    @discardableResult
    func fail(
        _ number: Int, _ cause: FailureCause = .skillUnknown, _ kind: RoutingFailure.Kind = .configuration,
        skills: String = "", owner: RecordID = queue, version: Int64 = 1
    ) async throws -> CaseKey {
        let claim = try await claim(
            .make(.created, of: number, version: version, owner: owner, skills: skills), attempt: .make())
        try await fail(claim, cause, kind)
        return claim.caseKey
    }

    func fail(_ claim: Claim, _ cause: FailureCause, _ kind: RoutingFailure.Kind) async throws {
        let failure = RoutingFailure(
            kind, at: .assign, cause: cause, "It did not work.", response: .init(status: 403, body: "no"))
        guard try await store.park(claim, failure, delay: .zero) else { throw NotClaimed() }
    }

    /// Takes what is due, as a worker, and fails it again or brings it to its workgroup. Returns how many.
    @discardableResult
    func work(failing fails: (Claim) -> Bool) async throws -> Int {
        let claims = try await store.claimDue(limit: 500, servers: Self.servers)
        for claim in claims {
            if fails(claim) {
                try await fail(claim, .skillUnknown, .configuration)
            } else {
                _ = try await store.finish(claim)
            }
        }
        return claims.count
    }

    /// A failed case without a history, for counts: 800 of them are there at once.
    func failMany(_ numbers: ClosedRange<Int>) async throws {
        try await run(
            """
            INSERT INTO caserouter.cases (
                org, case_id, case_number, revision, applied_revision, version_epoch, owner, want_cic, want_workgroup,
                acts_on_cic, attempts, failure_kind, failure_stage, failure_cause, failure_summary, failed_at,
                failure_number)
            SELECT 'acme', '500' || lpad(n::text, 12, '0') || 'AAA', n::text, 1, 0, 1, '\(Self.queue)', 'main', 'Support',
                'main', 8, 'configuration', 'assign', 'skill-unknown', 'It did not work.',
                now() - n * interval '1 second', 1
            FROM generate_series(\(numbers.lowerBound), \(numbers.upperBound)) n
            """)
    }
}
