import Foundation

/// Measures a driver and bare C in turns, each stretch in a process of its own.
struct DriverBench {
    /// What plain librabbitmq reached on a quorum queue with a window of 1,000 on a machine of two cores. A bare program
    /// that is far below has been disturbed, or is no measure.
    static let publishedPerSecond = 62_900.0
    static let consumedPerSecond = 102_300.0
    private static let farBelow = 0.25
    private static let limit = Duration.seconds(300)

    let run: RunDirectory
    let rounds: Int
    let operations: Int?

    func amqp() async throws -> DriverReport {
        let stack = try await PrivateStack.start(in: run, durable: true)
        let count = operations ?? 60_000
        let window = min(1_000, max(1, count / 10))
        var published: [(driver: Stretch, bareC: Stretch)] = []
        var consumed: [(driver: Stretch, bareC: Stretch)] = []
        for round in 0..<rounds {
            // Each reads what it has written itself: the queue behind both is the same.
            func both(_ work: LoadCommand.Work) async throws -> (driver: Stretch, bareC: Stretch) {
                let bareC = try await load(
                    work, byC: true, stack.broker.url, count, window, queue: "bench-c-\(round)")
                let driver = try await load(
                    work, byC: false, stack.broker.url, count, window, queue: "bench-driver-\(round)")
                return (driver, bareC)
            }
            published.append(try await both(.publish))
            consumed.append(try await both(.consume))
        }
        return DriverReport(
            driver: "amqp",
            objections: Self.objections("publish", published, Self.publishedPerSecond)
                + Self.objections("consume", consumed, Self.consumedPerSecond),
            operations: [
                "publish": DriverReport.Comparison(published), "consume": DriverReport.Comparison(consumed),
            ], headline: ["publish", "consume"])
    }

    func postgres() async throws -> DriverReport {
        let stack = try await PrivateStack.start(in: run, durable: true)
        let windows = [(1, 2_000), (20, 40_000), (200, 200_000), (500, 200_000)]
        var comparisons: [String: DriverReport.Comparison] = [:]
        for (window, count) in windows {
            var pairs: [(driver: Stretch, bareC: Stretch)] = []
            for _ in 0..<rounds {
                let count = operations.map { max(2 * window, $0 * count / 200_000) } ?? count
                // A table anew for each: updates leave dead rows behind.
                try await prepare(stack)
                let bareC = try await load(.postgres, byC: true, stack.postgres.url, count, window)
                try await prepare(stack)
                pairs.append((try await load(.postgres, byC: false, stack.postgres.url, count, window), bareC))
            }
            comparisons["window \(String(repeating: " ", count: 3 - "\(window)".count))\(window)"] =
                DriverReport.Comparison(pairs)
        }
        return DriverReport(
            driver: "postgres", objections: [], operations: comparisons, headline: ["window 200"])
    }

    private func prepare(_ stack: PrivateStack) async throws {
        try await DatabaseMeter.with(stack.postgres.url) { try await $0.run(script: StatementLoad.table) }
    }

    func http() async throws -> DriverReport {
        let port = try Loopback.freePorts(1)[0]
        let server = try run.start(
            "http-server",
            [try Executables.own(), "bench-load", LoadCommand.Work.httpServer.rawValue, "--port", "\(port)"],
            environment: Executables.environment(home: run.path), rank: .server, grace: 1)
        let request = Array("GET / HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n".utf8)
        try await Readiness.wait(
            for: "http-server", server, log: run.file("http-server.log"), limit: .seconds(20)
        ) { Loopback.answers(port: port, request: request, expected: Array("HTTP/1.1 200".utf8)) }
        let url = "http://127.0.0.1:\(port)/icws/1234567/messaging/notifications/custom"
        var comparisons: [String: DriverReport.Comparison] = [:]
        for window in [20, 200] {
            let pairs = try await pairs(.http, url, operations ?? 60_000, window)
            comparisons["window \(String(repeating: " ", count: 3 - "\(window)".count))\(window)"] =
                DriverReport.Comparison(pairs)
        }
        return DriverReport(driver: "http", objections: [], operations: comparisons, headline: ["window 200"])
    }

    func decode() async throws -> DriverReport {
        let pairs = try await pairs(.decode, "", max(1, (operations ?? 200_000) / BenchBodies.eventCount), 1)
        return DriverReport(
            driver: "decode", objections: [], operations: ["event": DriverReport.Comparison(pairs)],
            headline: ["event"])
    }

    // MARK: Stretches

    private func pairs(
        _ work: LoadCommand.Work, _ address: String, _ count: Int, _ window: Int
    ) async throws -> [(driver: Stretch, bareC: Stretch)] {
        var pairs: [(driver: Stretch, bareC: Stretch)] = []
        for _ in 0..<rounds {
            let bareC = try await load(work, byC: true, address, count, window)
            pairs.append((try await load(work, byC: false, address, count, window), bareC))
        }
        return pairs
    }

    private func load(
        _ work: LoadCommand.Work, byC: Bool, _ address: String, _ count: Int, _ window: Int, queue: String = "bench"
    ) async throws -> Stretch {
        let label = "\(byC ? "c" : "driver")-\(work.rawValue)"
        let log = run.file(label + ".log")
        unlink(log)
        let child = try run.start(
            label,
            [try Executables.own(), "bench-load"] + (byC ? ["c", work.rawValue] : [work.rawValue])
                + ["--operations", "\(count)", "--window", "\(window)", "--queue", queue],
            environment: Executables.environment(home: run.path).merging([LoadCommand.addressVariable: address]) {
                _, own in own
            }, rank: .worker, grace: 1)
        let code = try await child.waitForExit(limit: Self.limit)
        let text = try String(contentsOfFile: log, encoding: .utf8)
        guard code == 0, let line = text.split(separator: "\n").last else {
            throw RunFailure("\(label) ended with \(code): see \(log)\n\(RunDirectory.lastLines(of: log))")
        }
        return try JSONDecoder().decode(Stretch.self, from: Data(line.utf8))
    }

    /// What speaks against a bare program.
    static func objections(
        _ what: String, _ rounds: [(driver: Stretch, bareC: Stretch)], _ mark: Double
    ) -> [String] {
        let best = rounds.map(\.bareC.perSecond).max() ?? 0
        return best >= mark * farBelow
            ? [] : ["bare C reached \(Int(best)) \(what)/s, far below the \(Int(mark)) that were measured"]
    }
}
