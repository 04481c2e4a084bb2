import AMQP
import Foundation
import HTTPClient
import Polling
import Postgres

/// One operation of a driver, many at a time, as the product's actors use it: on the driver's own loop.
protocol DriverLoad: Actor {
    nonisolated var loop: PollExecutor { get }
    var pace: Pace { get set }

    func perform(_ number: Int) async throws
}

extension DriverLoad {
    nonisolated var unownedExecutor: UnownedSerialExecutor { loop.asUnownedSerialExecutor() }

    /// Keeps so many operations under way until all are done.
    func run(tasks: Int) async throws -> Stretch {
        try await withThrowingTaskGroup(of: Void.self) { group in
            for _ in 0..<tasks { group.addTask(executorPreference: loop) { try await self.work() } }
            try await group.waitForAll()
        }
        guard let stretch = pace.stretch else { throw RunFailure("the work ended before its warm-up") }
        return stretch
    }

    private func work() async throws {
        while let number = pace.next() {
            try await perform(number)
            pace.ended()
        }
    }
}

/// Publishes persistent, mandatory messages and waits for their confirms.
actor PublishLoad: DriverLoad {
    nonisolated let loop: PollExecutor
    var pace: Pace
    private let connection: AMQPConnection
    private let queue: String
    private let body: [UInt8]
    private let properties = AMQPProperties(contentType: "application/cloudevents+json")

    init(_ connection: AMQPConnection, queue: String, body: [UInt8], _ pace: Pace) {
        loop = connection.executor
        self.connection = connection
        self.queue = queue
        self.body = body
        self.pace = pace
    }

    func perform(_ number: Int) async throws { try await connection.publish(body, to: queue, properties: properties) }
}

/// Takes messages and acknowledges each; one task takes them all.
actor ConsumeLoad: DriverLoad {
    nonisolated let loop: PollExecutor
    var pace: Pace
    private let connection: AMQPConnection
    private let deliveries: Deliveries

    init(_ connection: AMQPConnection, _ deliveries: Deliveries, _ pace: Pace) {
        loop = connection.executor
        self.connection = connection
        self.deliveries = deliveries
        self.pace = pace
    }

    func perform(_ number: Int) async throws {
        var iterator = deliveries.makeAsyncIterator()
        guard let delivery = try await iterator.next(isolation: self) else { throw RunFailure("the consumer ended") }
        try await connection.acknowledge(delivery)
    }
}

/// Updates one row of `bench_cases` per operation, through the Batcher.
actor StatementLoad: DriverLoad {
    static let rows = 20_000
    static let lock =
        "SELECT 1 FROM unnest($1::text[], $2::text[]) WITH ORDINALITY AS m(org, id, o) "
        + "JOIN bench_cases c USING (org, id) ORDER BY m.o FOR UPDATE OF c"
    static let update =
        "UPDATE bench_cases c SET n = c.n + m.n, log = coalesce(m.text, c.log) "
        + "FROM unnest($1::text[], $2::text[], $3::int4[], $4::text[]) WITH ORDINALITY AS m(org, id, n, text, o) "
        + "WHERE c.org = m.org AND c.id = m.id RETURNING m.o::int4, c.n"
    static let table = """
        DROP TABLE IF EXISTS bench_cases;
        CREATE TABLE bench_cases (org text, id text, n int4 NOT NULL, log text, PRIMARY KEY (org, id))
            WITH (fillfactor = 70);
        INSERT INTO bench_cases
            SELECT 'org', 'case' || lpad(i::text, 8, '0'), 0, '' FROM generate_series(0, \(rows - 1)) i;
        ANALYZE bench_cases;
        """

    private static let operation = BatchOperation<BatchKey, Int32>(
        name: "bench update", order: 1, writes: true, columns: [.text, .text, .int4, .text], sql: update,
        encode: { key, row in
            row.append(key.scope)
            row.append(key.name)
            row.append(Int32(1))
            row.appendNull()
        }, decode: { row throws(PostgresError) in try row.int32(1) })
    static let batchLock = BatchLock(columns: [.text, .text], sql: lock) { key, row in
        row.append(key.scope)
        row.append(key.name)
    }

    nonisolated let loop: PollExecutor
    var pace: Pace
    private let batcher: Batcher
    private let keys: [BatchKey]

    init(_ batcher: Batcher, _ pace: Pace) {
        loop = batcher.executor
        self.batcher = batcher
        self.pace = pace
        keys = (0..<Self.rows).map { BatchKey("org", "case" + String(String($0 + 100_000_000).dropFirst())) }
    }

    func perform(_ number: Int) async throws {
        let key = keys[number * 7919 % Self.rows]
        guard try await batcher.run(Self.operation, key, key: key) != nil else { throw RunFailure("no row") }
    }
}

/// Posts a JSON body and takes the answer.
actor PostLoad: DriverLoad {
    nonisolated let loop: PollExecutor
    var pace: Pace
    private let transport: HTTPTransport
    private let url: String
    private let body: [UInt8]
    private let headers: HTTPHeaders = [
        "Content-Type": "application/json", "Accept": "application/json", "Accept-Language": "en",
    ]

    init(_ transport: HTTPTransport, url: String, body: [UInt8], _ pace: Pace) {
        loop = transport.loop
        self.transport = transport
        self.url = url
        self.body = body
        self.pace = pace
    }

    func perform(_ number: Int) async throws {
        let answer = try await transport.send(HTTPRequest(.post, url, headers: headers, body: body))
        guard answer.status == 200, !answer.body.isEmpty else { throw RunFailure("status \(answer.status)") }
    }
}
