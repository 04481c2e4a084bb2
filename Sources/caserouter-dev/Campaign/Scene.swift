import Foundation
import Polling
import Postgres

/// Everything that a campaign can lay hands on.
struct Scene: Sendable {
    let run: RunDirectory
    let stack: PrivateStack
    let product: Product
    let crew: Crew
    let site: DemoSite
    let proxy: FaultProxy
    let failpoints: Failpoints
    /// For the sessions of `sql`.
    let loop: PollExecutor

    var broker: BrokerDoor { BrokerDoor(servers: stack.brokers, run: run) }

    /// The node of the broker that leads a queue.
    func leader(of queue: String) async throws -> BrokerServer {
        let name = try await broker.leader(of: queue)
        guard let server = stack.brokers.first(where: { $0.nodeName == name }) else {
            throw RunFailure("there is no node \(name) of the broker")
        }
        return server
    }

    /// The CIC server with this name.
    func server(_ name: String) throws -> DemoSite.Server {
        guard let server = site.servers.first(where: { $0.name == name }) else {
            throw RunFailure("there is no CIC server \(name)")
        }
        return server
    }

    /// The control API of the CIC server with this name.
    func cic(_ name: String) throws -> Control { Control(port: try server(name).port) }

    /// The control API of the org with this name.
    func org(_ name: String) throws -> Control {
        guard let org = site.orgs.first(where: { $0.name == name }) else { throw RunFailure("there is no org \(name)") }
        return Control(port: org.port)
    }

    func worker(_ label: String) throws -> Crew.Place {
        guard let place = crew.places.first(where: { $0.label == label }) else {
            throw RunFailure("there is no worker \(label)")
        }
        return place
    }

    /// What can be paused, by the names that `pause` takes.
    var pausable: [String] {
        site.orgs.map { "org:\($0.name)" } + site.servers.map { "cic:\($0.name)" }
            + site.servers.flatMap { server in server.workgroups.map { "workgroup:\(server.name)/\($0)" } }
    }

    /// Asks the database as its superuser, past everything in between.
    ///
    /// - Parameter patience: for how long it is asked again where it does not answer or refuses.
    @discardableResult
    func sql(_ text: String, patience: Duration = .seconds(60)) async throws -> PostgresRows {
        try await withSession(patience) { connection in try await connection.query(text) }
    }

    /// Runs several statements.
    func script(_ text: String) async throws {
        try await withSession(.seconds(60)) { connection in
            try await connection.execute(script: text, name: "campaign")
        }
    }

    /// Opens a session of the database's superuser, past everything in between.
    func openSession() async throws(PostgresError) -> PostgresConnection {
        try await PostgresConnection.open(
            PostgresAddress(stack.postgres.url), .migration(applicationName: "campaign"), on: loop)
    }

    /// Opens a session for one piece of work, again and again for a while where the server is away.
    private func withSession<Value: Sendable>(
        _ patience: Duration, _ work: (PostgresConnection) async throws -> Value
    ) async throws -> Value {
        let deadline = ContinuousClock.now + patience
        while true {
            do {
                let connection = try await openSession()
                do {
                    let value = try await work(connection)
                    await connection.close()
                    return value
                } catch {
                    await connection.close()
                    throw error
                }
            } catch {
                guard ContinuousClock.now < deadline, !Task.isCancelled else { throw error }
                try await Task.sleep(for: .milliseconds(500))
            }
        }
    }

    /// PostgreSQL's log: it may be long, with the text of every statement that failed.
    func postgresLog() throws -> Data {
        try Data(contentsOf: URL(fileURLWithPath: run.file("postgres.log")), options: .alwaysMapped)
    }

    /// Waits until ingest has found every mapped queue: a case that comes before is of a queue that nobody knows.
    func waitForQueues() async throws {
        let deadline = ContinuousClock.now + .seconds(60)
        while try await !sql("SELECT 1 FROM caserouter.mappings WHERE queue_id IS NULL LIMIT 1").isEmpty {
            guard ContinuousClock.now < deadline else { throw RunFailure("ingest does not find the mapped queues") }
            try await Task.sleep(for: .milliseconds(200))
        }
    }

    /// Lets the ten minutes pass after which a request that nobody has seen is taken from the table: its message went with
    /// a queue or a broker. They count from when it came, or when a worker took it last that died before it could merge it.
    ///
    /// - Returns: how many there were.
    func letTimePass() async throws -> Int {
        let rows = try await sql(
            """
            WITH moved AS (
                UPDATE caserouter.requests
                SET received_at = received_at - interval '11 minutes', taken_at = taken_at - interval '11 minutes'
                WHERE seen_at IS NULL AND greatest(received_at, taken_at) > now() - interval '10 minutes'
                    AND greatest(received_at, taken_at) < now() - interval '8 seconds' RETURNING 1)
            SELECT count(*)::int4 FROM moved
            """)
        return Int(try rows[0].int32(0))
    }

    /// Lets the minute pass for which rows wait to be marked together, and the minutes after which one is tried again that was locked.
    func letRowsBeMarked() async throws {
        try await sql(
            """
            UPDATE caserouter.requests SET write_back_at = least(write_back_at, now()) - interval '1 minute'
            WHERE write_back = 'due'
            """)
    }

    /// Whether a request that is too young for `letTimePass` has been there for longer than a message takes.
    func hasOverlooked() async throws -> Bool {
        try await !sql(
            """
            SELECT 1 FROM caserouter.requests WHERE seen_at IS NULL
                AND greatest(received_at, taken_at) > now() - interval '8 seconds'
                AND greatest(received_at, taken_at) < now() - interval '2 seconds' LIMIT 1
            """
        ).isEmpty
    }

    /// Sends everything that has failed again, as people do who have mended the cause: by the statement that the documents name.
    ///
    /// - Returns: how many cases.
    func retryFailed() async throws -> Int {
        // What CIC has just refused is written down in a moment.
        try await Task.sleep(for: .seconds(2))
        let rows = try await sql(
            """
            WITH retried AS (UPDATE caserouter.failed_requests SET attempts = 0 RETURNING 1)
            SELECT count(*)::int4 FROM retried
            """)
        return Int(try rows[0].int32(0))
    }

    /// Gives a command of the product until it succeeds: it cannot while what it needs is broken.
    func insist(_ words: String...) async throws { try await insist(words) { false } }

    /// Resumes what was paused. A failover may have taken the pause along; then nothing is left to be resumed.
    func resume(_ target: String) async throws {
        let name = target.split(separator: ":", maxSplits: 1)
        try await insist(["resume", target]) {
            try await sql(
                """
                SELECT 1 FROM caserouter.holds
                WHERE reason = 'paused' AND kind = '\(name[0])' AND name = '\(name[1])'
                """
            ).isEmpty
        }
    }

    private func insist(_ words: [String], unless isNeedless: () async throws -> Bool) async throws {
        let deadline = ContinuousClock.now + .seconds(120)
        while true {
            do {
                _ = try await product.output("insisted-\(UInt32.random(in: 0 ... .max))", words)
                return
            } catch {
                if try await isNeedless() { return }
                guard ContinuousClock.now < deadline, !Task.isCancelled else { throw error }
                try await Task.sleep(for: .seconds(1))
            }
        }
    }

    /// Starts a worker again, for as long as it takes: while its neighbours are broken it cannot start.
    func restart(_ place: Crew.Place) async throws {
        let deadline = ContinuousClock.now + .seconds(180)
        while true {
            do {
                return try await crew.start(place)
            } catch {
                guard ContinuousClock.now < deadline, !Task.isCancelled else { throw error }
                await crew.leave(place)
                try await Task.sleep(for: .seconds(1))
            }
        }
    }
}
