import Glibc
import HTTPClient
import Polling
import Testing

/// Runs `body` with a transport on a loop of its own and ends both.
func withTransport<Value: Sendable>(
    _ settings: HTTPTransport.Settings = HTTPTransport.Settings(), loop name: String = "http-test",
    _ body: (HTTPTransport) async throws -> Value
) async throws -> Value {
    proxiesAreSet
    let loop = PollExecutor(name: name)
    let transport = HTTPTransport(on: loop, settings: settings)
    let result: Result<Value, any Error>
    do { result = .success(try await body(transport)) } catch { result = .failure(error) }
    await transport.close()
    loop.stop()
    return try result.get()
}

/// Every test runs with proxies in its environment on which nothing listens: one that is used fails the test.
private let proxiesAreSet: Void = {
    for name in ["http_proxy", "https_proxy", "all_proxy", "HTTPS_PROXY", "ALL_PROXY"] {
        setenv(name, "http://127.0.0.1:1", 1)
    }
    unsetenv("no_proxy")
    unsetenv("NO_PROXY")
}()

/// The error with which a request fails.
func failure(
    _ transport: HTTPTransport, _ request: HTTPRequest, sourceLocation: SourceLocation = #_sourceLocation
) async throws -> HTTPError {
    do throws(HTTPError) {
        let response = try await transport.send(request)
        Issue.record("answered with \(response.status)", sourceLocation: sourceLocation)
    } catch { return error }
    throw Unexpected()
}

struct Unexpected: Error {}

/// A caller on the transport's loop. It measures there, because the thread pool on which tests run is kept busy by
/// other tests.
actor Caller {
    nonisolated let transport: HTTPTransport
    nonisolated var unownedExecutor: UnownedSerialExecutor { transport.unownedExecutor }

    init(_ transport: HTTPTransport) { self.transport = transport }

    struct Failure: Sendable {
        let error: HTTPError
        let taken: Duration
    }

    /// Sends a request that must fail.
    func failure(_ request: HTTPRequest) async throws -> Failure {
        let start = MonotonicTime.now
        do throws(HTTPError) { _ = try await transport.send(request) } catch {
            return Failure(error: error, taken: .now - start)
        }
        throw Unexpected()
    }

    /// Sends a request and cancels the caller when `condition` is true.
    func cancelledSend(
        _ request: HTTPRequest, when condition: @escaping @Sendable () -> Bool
    ) async throws -> Failure {
        try await cancelled(when: condition) { [transport] () throws(HTTPError) in
            _ = try await transport.send(request)
        }
    }

    /// Reads a stream and cancels the reader when `condition` is true.
    func cancelledRead(
        _ request: HTTPRequest, when condition: @escaping @Sendable () -> Bool
    ) async throws -> Failure {
        try await cancelled(when: condition) { [transport] () throws(HTTPError) in
            for try await _ in try await transport.stream(request) {}
        }
    }

    private func cancelled(
        when condition: () -> Bool, _ body: @escaping @Sendable () async throws(HTTPError) -> Void
    ) async throws -> Failure {
        let task = Task(executorPreference: transport.loop) { () async -> (HTTPError?, MonotonicTime) in
            do throws(HTTPError) {
                try await body()
                return (nil, .now)
            } catch { return (error, .now) }
        }
        while !condition() { try await Task.sleep(for: .milliseconds(2)) }
        let start = MonotonicTime.now
        task.cancel()
        guard case (let error?, let end) = await task.value else { throw Unexpected() }
        return Failure(error: error, taken: end - start)
    }
}
