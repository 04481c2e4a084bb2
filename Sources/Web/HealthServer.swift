import Hummingbird
import Logging

/// `/health/live` and `/health/ready`, the latter with the reasons why not.
public struct HealthServer: Sendable {
    private let host: String
    private let port: Int
    private let logger: Logger
    private let problems: @Sendable () async -> [String]

    /// - Parameter problems: sentences that say why the process is not ready; none means that it is.
    public init(
        host: String, port: Int, logger: Logger, problems: @escaping @Sendable () async -> [String]
    ) {
        self.host = host
        self.port = port
        self.logger = logger
        self.problems = problems
    }

    /// Serves until the task is cancelled.
    public func run() async {
        let router = Router()
        router.get("/health/live") { _, _ in "live\n" }
        router.get("/health/ready") { _, _ in
            let problems = await problems()
            return Response(
                status: problems.isEmpty ? .ok : .serviceUnavailable,
                headers: [.contentType: "text/plain; charset=utf-8"],
                body: ResponseBody(
                    byteBuffer: ByteBuffer(
                        string: problems.isEmpty ? "ready\n" : problems.joined(separator: "\n") + "\n")))
        }
        let application = Application(
            router: router, configuration: .init(address: .hostname(host, port: port), serverName: nil), logger: logger)
        do {
            try await application.run()
        } catch is CancellationError {
            return
        } catch {
            logger.error("http server failed", metadata: ["reason": "\(error)", "listen": "\(host):\(port)"])
        }
    }
}
