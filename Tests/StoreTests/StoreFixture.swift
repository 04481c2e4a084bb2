import CaseRouting
import Glibc
import Polling
import Postgres
import Store
import TestSupport

/// A migrated database with an org, a CIC server and a mapping, and a store on it.
struct StoreFixture {
    static let queue = recordID("00G", 1)
    static let otherQueue = recordID("00G", 2)
    static let agent = recordID("005", 1)
    static let worker = "worker-1"
    static let servers = ["main"]

    static let configuration = RoutingConfiguration(
        orgs: ["acme": OrgSettings(mode: .live, routesChangesSince: Timestamp(microseconds: 0))],
        mappings: [
            Mapping(id: 1, org: "acme", queue: queue, cic: "main", workgroup: "Support"),
            Mapping(id: 2, org: "acme", queue: otherQueue, cic: "main", workgroup: "Sales"),
        ])

    let database: TestDatabase
    let executor: PollExecutor
    let store: PostgresCaseStore
    let connections: PostgresDatabase
    /// Asks and changes what the store does not show.
    let sql: PostgresConnection

    /// Made once: to migrate every test's database takes longer than the tests themselves.
    private static let template = Task {
        try await TestDatabase.template { sql in
            _ = try await Migrator().migrate(sql)
            try await sql.execute(
                script: """
                    RESET search_path;
                    INSERT INTO caserouter.orgs (name, organization_id, login_url, flow, mode) VALUES
                        ('acme', '00D000000000001EAA', 'https://acme', 'client-credentials', 'live');
                    INSERT INTO caserouter.cic_servers (name, hosts, holding) VALUES ('main', '{cic:8019}', 'Holding');
                    """, name: "fixture")
        }
    }

    static func with(_ body: (StoreFixture) async throws -> Void) async throws {
        try await TestDatabase.with(copying: try await template.value) { database in
            let executor = PollExecutor(name: "store-test")
            defer { executor.stop() }
            let sql = try await database.connect(on: executor)
            let connections: PostgresDatabase
            do {
                connections = try await open(database, on: executor)
            } catch {
                await sql.close()
                throw error
            }
            let store = PostgresCaseStore(connections, worker: worker, host: "test", encode: { Array($0.key.utf8) })
            let fixture = StoreFixture(
                database: database, executor: executor, store: store, connections: connections, sql: sql)
            do {
                try await body(fixture)
            } catch {
                await connections.close()
                await sql.close()
                throw error
            }
            await connections.close()
            await sql.close()
        }
    }

    static func open(_ database: TestDatabase, on executor: PollExecutor) async throws -> PostgresDatabase {
        let connections = PostgresDatabase.forCases(
            database.address, PostgresSettings(applicationName: "store-test"), on: executor, sessions: 1)
        // Ends when the fixture closes the database.
        Task { await connections.run() }
        try await connections.waitUntilUp(atMost: .seconds(120))
        return connections
    }

    /// Another worker's store, on connections of its own, which the caller closes.
    func anotherStore(_ worker: String) async throws -> (PostgresCaseStore, PostgresDatabase) {
        let connections = try await Self.open(database, on: executor)
        return (
            PostgresCaseStore(connections, worker: worker, host: "test", encode: { Array($0.key.utf8) }), connections
        )
    }

    // MARK: Asking

    func run(_ statement: String) async throws { _ = try await sql.query(statement) }

    func text(_ statement: String) async throws -> String? {
        let rows = try await sql.query("SELECT (\(statement))::text")
        return try rows[0].optionalText(0)
    }

    func number(_ statement: String) async throws -> Int64 {
        let rows = try await sql.query("SELECT (\(statement))::int8")
        return try rows[0].int64(0)
    }

    /// A column of the case's row, as text.
    func column(_ name: String, of key: CaseKey) async throws -> String? {
        try await text("SELECT \(name) FROM caserouter.cases WHERE case_id = '\(key.caseID)' AND org = '\(key.org)'")
    }

    // MARK: Doing

    /// Reads, decides, merges; reads again after a conflict, as a routing worker does.
    @discardableResult
    func take(
        _ change: CaseChange, claims: Bool = false, attempt: AttemptID? = nil, with store: PostgresCaseStore? = nil,
        configuration: RoutingConfiguration = configuration
    ) async throws -> MergeResult {
        let store = store ?? self.store
        while true {
            let snapshot = try await store.read(change)
            if snapshot.isMerged { return .merged }
            let judged = decide(change, on: snapshot.state, with: configuration, interaction: .alive)
            guard case .decision(let decision) = judged else { preconditionFailure("the interaction is alive") }
            let merge = Merge(
                change: change, before: snapshot.state, decision: decision, claims: claims, attempt: attempt)
            let result = try await store.merge(merge)
            if case .conflict = result { continue }
            return result
        }
    }

    /// Merges and claims a change; fails when it cannot be claimed.
    func claim(_ change: CaseChange, attempt: AttemptID? = nil) async throws -> Claim {
        guard case .claimed(let claim) = try await take(change, claims: true, attempt: attempt) else {
            throw NotClaimed()
        }
        return claim
    }

    struct NotClaimed: Error {}

    /// Brings a new case to its workgroup.
    func place(_ change: CaseChange, interaction: InteractionID) async throws -> Claim {
        let attempt = AttemptID.make()
        let claim = try await claim(change, attempt: attempt)
        guard let won = try await store.win(claim, interaction, attempt),
            let wanted = won.state.wanted,
            try await store.recordPlaced(won, workgroup: wanted.workgroup, skills: wanted.skills)
        else { throw NotClaimed() }
        return won
    }
}

/// The id with this prefix and number.
func recordID(_ prefix: String, _ number: Int) -> RecordID {
    let digits = String(number)
    let text = prefix + String(repeating: "0", count: 12 - digits.count) + digits
    guard let id = try? RecordID(text) else { preconditionFailure("\(text) is no id") }
    return id
}

extension AttemptID {
    static func make() -> AttemptID {
        AttemptID(milliseconds: 1_760_000_000_000, random: (.random(in: 0 ... .max), .random(in: 0 ... .max)))
    }
}

extension CaseChange {
    /// A change of case `number` of the org acme, today.
    static func make(
        _ kind: ChangeKind, of number: Int = 1, version: Int64, owner: RecordID = StoreFixture.queue,
        previousOwner: RecordID? = nil, isClosed: Bool = false, skills: String = "", key: String? = nil,
        at time: Timestamp = .today, row: Int? = nil, org: String = "acme", comparedWith: Int64? = nil
    ) -> CaseChange {
        CaseChange(
            key: key ?? "o:\(number)-\(version)-\(kind.rawValue)", org: org, caseID: recordID("500", number),
            kind: kind, version: version, occurredAt: time, caseNumber: "\(number)", owner: owner,
            previousOwner: previousOwner, isClosed: isClosed, skills: skills,
            row: recordID("a00", row ?? number * 1_000 + Int(version % 1_000)), comparedWith: comparedWith)
    }
}

extension Timestamp {
    /// The wall clock's; the tests run where the server does.
    static var today: Timestamp {
        var time = timespec()
        clock_gettime(CLOCK_REALTIME, &time)
        return Timestamp(microseconds: Int64(time.tv_sec) * 1_000_000 + Int64(time.tv_nsec) / 1_000)
    }
}
