import Polling
import Testing

/// Waits for a condition; records an issue when it does not come true in time.
///
/// The limit is there to end a test that would wait for ever, and long: a machine that builds something else beside
/// makes every wait longer, and none of them wrong. What has to be fast is measured by the test itself.
///
/// - Returns: whether it came true.
@discardableResult
public func eventually(
    _ what: Comment, within limit: Duration = .seconds(240), isolation: isolated (any Actor)? = #isolation,
    sourceLocation: SourceLocation = #_sourceLocation, _ condition: () async throws -> Bool
) async throws -> Bool {
    let deadline = MonotonicTime.now + limit
    while MonotonicTime.now < deadline {
        if try await condition() { return true }
        try await Task.sleep(for: .milliseconds(10))
    }
    Issue.record("not within \(limit): \(what)", sourceLocation: sourceLocation)
    return false
}
