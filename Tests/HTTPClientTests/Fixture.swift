import Glibc
import HTTPClient
import Polling
import Testing

/// Runs `body` with a transport on a loop of its own and ends both.
func withTransport<Value: Sendable>(
    _ settings: HTTPTransport.Settings = HTTPTransport.Settings(),
    _ body: (HTTPTransport) async throws -> Value
) async throws -> Value {
    proxiesAreSet
    let loop = PollExecutor(name: "http-test")
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

/// Waits until something becomes true, at most ten seconds.
func eventually(
    _ what: Comment, sourceLocation: SourceLocation = #_sourceLocation, _ condition: () -> Bool
) async throws {
    let end = MonotonicTime.now + .seconds(10)
    while !condition() {
        if MonotonicTime.now > end {
            Issue.record(what, sourceLocation: sourceLocation)
            throw Unexpected()
        }
        try await Task.sleep(for: .milliseconds(2))
    }
}

/// How long `body` took.
func time(_ body: () async throws -> Void) async rethrows -> Duration {
    let start = MonotonicTime.now
    try await body()
    return MonotonicTime.now - start
}
