import CaseRouting
import Operations
import Synchronization
import TestSupport
import Testing

@testable import Store

/// What `mappings preview` says is what happens when the change is applied to the same cases.
@Suite struct MappingPreviewTests {
    private static let ann = Author(name: "ann", host: "desk")

    /// One case's history as scripted: what Salesforce tells, and what an agent then does.
    private struct Step {
        enum Agent { case nothing, takes, finishes }
        var change: CaseChange
        var isOutdated: Bool
        var agent: Agent
    }

    @Test(.timeLimit(.minutes(4)), arguments: 0..<3)
    func `the preview of a change equals what the change does to the same cases`(_ seed: Int) async throws {
        var random = SeededRandom(seed: UInt64(seed) + 77)
        let before = Self.mappings(&random), changes = Self.changed(before, &random)
        let histories = (1...25).map { Self.history(of: $0, &random) }
        try await StoreFixture.with { old in
            try await StoreFixture.with { new in
                let first = try await World(old, before)
                let second = try await World(new, before)
                try await second.apply(changes)
                for history in histories {
                    for step in history {
                        let done = try await first.take(step, mayAct: true)
                        try await second.take(step, mayAct: done)
                    }
                }
                let (preview, decisions) = try await first.preview(changes)
                #expect(preview.decisions == histories.reduce(0) { $0 + $1.count })
                let happened = try await second.decisions()
                var differing = 0
                for (key, decision) in decisions {
                    let real = try #require(happened[key])
                    #expect(decision.rule.rawValue == real.rule, "\(key)")
                    #expect(Self.offer(decision.after.wanted) == real.wanted, "\(key)")
                }
                let was = try await first.decisions()
                for (key, real) in happened where was[key]?.wanted != real.wanted { differing += 1 }
                #expect(preview.differenceCount == differing)
                // Else this would prove nothing.
                #expect(differing > 0)
            }
        }
    }

    static func offer(_ wanted: Wanted?) -> String { wanted.map { "\($0.cic)/\($0.workgroup)/\($0.skills)" } ?? "" }

    private static func mappings(_ random: inout SeededRandom) -> [MappingSetup] {
        SeededRandom.queues.prefix(2).map { random.mapping($0) }
    }

    /// One of those that there are is changed, and one is new.
    private static func changed(_ before: [MappingSetup], _ random: inout SeededRandom) -> [MappingSetup] {
        var other = random.mapping(SeededRandom.queues[0])
        other.workgroup = "Elsewhere"
        return [other, random.mapping(SeededRandom.queues[2])]
    }

    private static func history(of number: Int, _ random: inout SeededRandom) -> [Step] {
        var owner = random.pick(SeededRandom.queues)
        return (1...Int.random(in: 4...14, using: &random)).map { version in
            let kind = version == 1 ? .created : random.pick(ChangeKind.allCases)
            let previous = owner
            let ownerChanges: [ChangeKind] = [.queueChanged, .ownerChanged, .observed]
            if ownerChanges.contains(kind) { owner = random.owner() }
            // Some arrive late.
            let order = Int64(version * 10 + 20) - (random.flag(0.2) ? 25 : 0)
            let change = CaseChange.make(
                kind, of: number, version: order, owner: owner, previousOwner: previous == owner ? nil : previous,
                isClosed: kind == .closed, skills: random.skills(), key: "o:\(number)-\(version)")
            return Step(
                change: change, isOutdated: random.flag(0.2),
                agent: random.pick([.nothing, .nothing, .takes, .takes, .finishes]))
        }
    }

    // MARK: The same world twice

    /// A database in which decisions are carried out at once, and agents act.
    private struct World {
        let fixture: StoreFixture
        let store: PostgresCaseStore
        let setup: PostgresConfigurationStore

        init(_ fixture: StoreFixture, _ mappings: [MappingSetup]) async throws {
            self.fixture = fixture
            store = PostgresCaseStore(fixture.connections, worker: "w", host: "test", encode: RequestMessage.encode)
            setup = PostgresConfigurationStore(database: fixture.connections)
            try await fixture.run(
                "INSERT INTO caserouter.cic_servers (name, hosts, holding) VALUES ('east', '{e:1}', 'H')")
            try await apply(mappings)
        }

        func apply(_ mappings: [MappingSetup]) async throws {
            var site = SiteSetup()
            site.mappings = mappings
            _ = try await ApplySite(store: setup).run(site, dryRun: false, by: ann)
        }

        /// And every single decision as it would be, by event key.
        func preview(_ mappings: [MappingSetup]) async throws -> (MappingPreview, [String: Decision]) {
            let seen = Mutex<[String: Decision]>([:])
            let preview = try await PreviewMappings(
                store: setup, names: PostgresNameMirrors(fixture.connections),
                history: PostgresDecisionHistory(fixture.connections)
            ).run(mappings, days: 1) { key, decision in seen.withLock { $0[key] = decision } }
            return (preview, seen.withLock { $0 })
        }

        /// Whether an agent did what the script says; only where `mayAct`.
        @discardableResult
        func take(_ step: Step, mayAct: Bool) async throws -> Bool {
            var change = step.change
            change.occurredAt = .today
            if change.kind == .observed {
                let key = change.caseKey
                let revision = try await fixture.column("revision", of: key).flatMap { Int64($0) } ?? 0
                change.comparedWith = revision + (step.isOutdated ? 1 : 0)
            }
            try await fixture.take(change, with: store, configuration: setup.load().routing)
            let id = "'\(change.caseID)'"
            try await fixture.sql.execute(script: Self.converge.replacing("$1", with: id), name: "converge")
            guard mayAct else { return false }
            switch step.agent {
            case .nothing: return false
            case .takes: return try await act(Self.take, id)
            case .finishes: return try await act(Self.finish, id)
            }
        }

        private func act(_ sql: String, _ id: String) async throws -> Bool {
            try await !fixture.sql.query(sql.replacing("$1", with: id)).isEmpty
        }

        private static let open =
            "e.org = c.org AND e.case_id = c.case_id AND e.number = c.episode AND e.state <> 'ended'"

        private static let converge = """
            UPDATE caserouter.episodes e SET state = 'ended', ended_at = now(), with_agent = false
            FROM caserouter.cases c
            WHERE c.case_id = $1 AND \(open) AND c.want_cic IS NULL AND NOT (c.spares_agent AND e.with_agent);
            UPDATE caserouter.episodes e
            SET cic = c.want_cic, workgroup = c.want_workgroup, skills = c.want_skills, assign_number = c.revision,
                with_agent = e.with_agent AND e.cic = c.want_cic AND e.workgroup = c.want_workgroup
                    AND e.assign_number >= c.want_assign
            FROM caserouter.cases c WHERE c.case_id = $1 AND \(open) AND c.want_cic IS NOT NULL;
            WITH opened AS (
                UPDATE caserouter.cases c SET episode = episode + 1
                WHERE c.case_id = $1 AND c.want_cic IS NOT NULL
                    AND NOT EXISTS (SELECT FROM caserouter.episodes e WHERE \(open))
                RETURNING c.*)
            INSERT INTO caserouter.episodes (
                org, case_id, number, cic, state, interaction_id, attempt_id, attempt_day, attempt_deadline, workgroup,
                skills, assign_number)
            SELECT org, case_id, episode, want_cic, 'placed', case_id || '/' || episode, gen_random_uuid(), current_date,
                now(), want_workgroup, want_skills, revision
            FROM opened;
            UPDATE caserouter.cases SET applied_revision = revision WHERE case_id = $1;
            """

        private static let take = """
            UPDATE caserouter.episodes e SET with_agent = true FROM caserouter.cases c
            WHERE c.case_id = $1 AND \(open) AND c.want_cic IS NOT NULL AND NOT e.with_agent RETURNING 1
            """

        private static let finish = """
            WITH ended AS (
                UPDATE caserouter.episodes e SET state = 'ended', ended_at = now(), with_agent = false
                FROM caserouter.cases c WHERE c.case_id = $1 AND \(open) RETURNING e.org, e.case_id)
            UPDATE caserouter.cases c
            SET want_cic = NULL, want_workgroup = NULL, want_skills = '', want_mapping = NULL, spares_agent = false,
                revision = revision + 1, applied_revision = revision + 1
            FROM ended WHERE c.org = ended.org AND c.case_id = ended.case_id RETURNING 1
            """

        /// By event key: the rule, and what was wanted after it.
        func decisions() async throws -> [String: (rule: String, wanted: String)] {
            let history = PostgresDecisionHistory(fixture.connections)
            let all = try await history.decisions(
                org: "acme", from: .today - .seconds(3_600), after: nil, limit: 100_000)
            var decisions: [String: (rule: String, wanted: String)] = [:]
            for record in all.flatMap({ $0.decisions }) {
                decisions[record.change.key] = (record.rule.rawValue, offer(record.becomes))
            }
            return decisions
        }
    }
}

extension SeededRandom {
    mutating func mapping(_ queue: RecordID) -> MappingSetup {
        var mapping = MappingSetup(
            org: "acme", queue: "\(queue)", cic: pick(["main", "east"]),
            workgroup: pick(["Support", "Sales", "Billing"]))
        mapping.skills = pick([[], ["German"], ["French"]])
        mapping.takesSkills = flag(0.7)
        mapping.onReply = flag(0.7) ? .end : .keep
        mapping.onUnmonitoredQueue = flag(0.7) ? .end : .keep
        mapping.onUserOwner = flag(0.7) ? .keep : .end
        return mapping
    }
}
