import Synchronization

/// The moment from which others have to go on without the victim of a fault.
final class Blow: Sendable {
    private enum State: Equatable { case coming, missed, fallen(point: String?) }

    private let state = Mutex(State.coming)

    /// At which named point, if at one.
    var point: String? {
        guard case .fallen(let point) = state.withLock({ $0 }) else { return nil }
        return point
    }

    func fall(at point: String? = nil) { state.withLock { $0 = .fallen(point: point) } }

    /// The fault is over; if it has not fallen until now it will not.
    func miss() { state.withLock { if $0 == .coming { $0 = .missed } } }

    /// Waits until it has fallen, or will not.
    func wait() async throws {
        while state.withLock({ $0 == .coming }) { try await Task.sleep(for: .milliseconds(20)) }
    }
}
