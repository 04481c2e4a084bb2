import Hummingbird
import Logging
import ServiceLifecycle

/// `/health/live`, `/health/ready` with the reasons why not, and `/metrics`.
public struct HealthServer: Sendable {
    private let address: String
    private let services: ServiceGroup

    /// - Parameters:
    ///   - problems: sentences that say why the process is not ready; none means that it is.
    ///   - metrics: the text for Prometheus, made when it is asked for.
    ///   - listening: called with the address once it is served; a port 0 has become a real one.
    public init(
        host: String, port: Int, logger: Logger, problems: @escaping @Sendable () async -> [String],
        metrics: @escaping @Sendable () async -> String,
        listening: @escaping @Sendable (_ address: String) async -> Void = { _ in }
    ) {
        address = "\(host):\(port)"
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
        router.get("/metrics") { _, _ in
            Response(
                status: .ok, headers: [.contentType: PrometheusText.contentType],
                body: ResponseBody(byteBuffer: ByteBuffer(string: await metrics())))
        }
        let application = Application(
            router: router, configuration: .init(address: .hostname(host, port: port), serverName: nil),
            onServerRunning: { channel in
                await listening("\(host):\(channel.localAddress?.port ?? port)")
            }, logger: logger)
        services = ServiceGroup(services: [application], logger: logger)
    }

    /// Serves until `stop`.
    ///
    /// - Returns: why it cannot serve; nil after `stop`.
    public func run() async -> String? {
        do {
            try await services.run()
            return nil
        } catch is CancellationError {
            return nil
        } catch {
            return "\(address) cannot be served: \(error)"
        }
    }

    /// Finishes the answers under way and takes no more: cancelling instead would be logged as an error.
    public func stop() async { await services.triggerGracefulShutdown() }
}
