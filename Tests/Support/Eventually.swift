import Polling
import Testing

/// Waits for a condition; records an issue when it does not come true in time.
///
/// - Returns: whether it came true.
@discardableResult
public func eventually(
    _ what: Comment, within limit: Duration = .seconds(60), isolation: isolated (any Actor)? = #isolation,
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
