import CaseRouting
import Testing

@testable import Store

@Suite(.serialized) struct AccountingTests {
    /// SplitMix64.
    private struct Generator: RandomNumberGenerator {
        var state: UInt64
        mutating func next() -> UInt64 {
            state &+= 0x9E37_79B9_7F4A_7C15
            var z = state
            z = (z ^ (z >> 30)) &* 0xBF58_476D_1CE4_E5B9
            z = (z ^ (z >> 27)) &* 0x94D0_49BB_1331_11EB
            return z ^ (z >> 31)
        }
    }

    @Test(arguments: [1, 2, 3, 4, 5] as [UInt64])
    func `every request is in one column of the accounting, whatever happens`(_ seed: UInt64) async throws {
        try await StoreFixture.with { fixture in
            var random = Generator(state: seed)
            var keys: Set<String> = []
            var claims: [Claim] = []
            for step in 1...120 {
                switch Int.random(in: 0..<10, using: &random) {
                case 0...4:
                    let change = Self.change(step, &random)
                    keys.insert(change.key)
                    let attempt: AttemptID? = Bool.random(using: &random) ? .make() : nil
                    if case .claimed(let claim) = try await fixture.take(
                        change, claims: Bool.random(using: &random), attempt: attempt)
                    {
                        claims.append(claim)
                    }
                case 5:
                    claims += try await fixture.store.claimDue(limit: 3, servers: StoreFixture.servers)
                case 6:
                    let expired = "lease_until = now(), next_at = now()"
                    try await fixture.run("UPDATE caserouter.cases SET \(expired) WHERE lease_until IS NOT NULL")
                default:
                    guard !claims.isEmpty else { continue }
                    let claim = claims.remove(at: Int.random(in: 0..<claims.count, using: &random))
                    try await Self.act(on: claim, step, fixture, &random)
                }
                try await Self.check(fixture, received: keys.count)
            }
            try await Self.checkCases(fixture)
        }
    }

    private static func change(_ step: Int, _ random: inout Generator) -> CaseChange {
        let kind = ChangeKind.allCases.filter { $0 != .observed }.randomElement(using: &random)!
        let owners = [
            StoreFixture.queue, StoreFixture.queue, StoreFixture.otherQueue, StoreFixture.agent, recordID("00G", 9),
        ]
        return .make(
            kind, of: .random(in: 1...5, using: &random), version: Int64(step) + .random(in: -4...4, using: &random),
            owner: owners.randomElement(using: &random)!, isClosed: [.closed, .merged, .deleted].contains(kind),
            skills: ["", "A", "B"].randomElement(using: &random)!, key: "o:\(step)",
            at: .today - .seconds(.random(in: 0...3 * 86_400, using: &random)))
    }

    /// Something that a worker may do, or try too late.
    private static func act(
        on claim: Claim, _ step: Int, _ fixture: StoreFixture, _ random: inout Generator
    ) async throws {
        let store = fixture.store
        guard var claim = try await store.refresh(claim) else { return }
        let kinds: [RoutingFailure.Kind] = [.transient, .permanent, .configuration, .unknown, .held]
        let failure = RoutingFailure(
            kinds.randomElement(using: &random)!, at: .create, cause: .cicError, "It did not work.")
        if Int.random(in: 0..<4, using: &random) == 0 {
            _ = try await store.park(claim, failure, delay: .zero)
            return
        }
        if Int.random(in: 0..<8, using: &random) == 0 {
            _ = try await store.retry(
                RetryHandle(caseKey: claim.caseKey, failureNumber: claim.state.failureNumber))
        }
        if claim.state.episode == nil, claim.state.wanted != nil {
            guard let opened = try await store.beginCreate(claim, attempt: .make(), opensEpisode: true) else { return }
            claim = opened
        }
        guard let episode = claim.state.episode else {
            _ = try await store.finish(claim)
            return
        }
        if episode.state == .creating {
            guard let won = try await store.win(claim, InteractionID("i\(step)"), episode.attempt) else { return }
            claim = won
        }
        guard let wanted = claim.state.wanted else {
            _ = try await store.beginEnding(claim)
            try await end(claim, fixture)
            return
        }
        _ = try await store.beginAssign(claim)
        if Bool.random(using: &random) {
            _ = try await store.recordPlaced(claim, workgroup: wanted.workgroup, skills: wanted.skills)
        }
        if Int.random(in: 0..<3, using: &random) == 0 { try await end(claim, fixture) }
    }

    private static func end(_ claim: Claim, _ fixture: StoreFixture) async throws {
        guard let episode = claim.state.episode, let interaction = episode.interaction else { return }
        _ = try await fixture.store.end(
            EpisodeEnd(
                episode: claim.episodeKey, interaction: interaction, attempt: episode.attempt, reason: .ended,
                assignNumber: episode.assignNumber))
    }

    private static func check(_ fixture: StoreFixture, received: Int) async throws {
        let rows = try await fixture.sql.query(
            """
            SELECT received, routed + ignored + superseded + failed + discarded + pending + observed
            FROM report.accounting
            """)
        guard let row = rows.first else {
            #expect(received == 0)
            return
        }
        #expect(try row.int64(0) == Int64(received))
        #expect(try row.int64(1) == Int64(received))
    }

    /// What must hold of the rows after anything: no request is open that its case would not close.
    private static func checkCases(_ fixture: StoreFixture) async throws {
        let open = """
            SELECT count(*) FROM caserouter.requests q JOIN caserouter.cases c USING (org, case_id)
            WHERE q.outcome IS NULL AND q.seen_at IS NOT NULL
                AND (c.first_open_day IS NULL OR q.day < c.first_open_day OR c.applied_revision = c.revision)
            """
        #expect(try await fixture.number(open) == 0)
        let server = """
            SELECT count(*) FROM caserouter.cases c
            LEFT JOIN caserouter.episodes e ON e.org = c.org AND e.case_id = c.case_id AND e.ended_at IS NULL
            WHERE c.acts_on_cic IS DISTINCT FROM coalesce(e.cic, c.want_cic) AND c.applied_revision < c.revision
            """
        #expect(try await fixture.number(server) == 0)
        let ahead = "SELECT count(*) FROM caserouter.cases WHERE applied_revision > revision OR attempts > 8"
        #expect(try await fixture.number(ahead) == 0)
    }
}
