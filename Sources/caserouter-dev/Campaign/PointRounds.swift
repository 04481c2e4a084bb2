import ProtocolSimulation
import Synchronization

/// In which order the named points are struck, each once before one is struck again, and how often each was.
final class PointRounds: Sendable {
    /// How often processes died and stood still at a point.
    struct Strikes: Codable, Equatable, Sendable {
        var killed = 0
        var frozen = 0
    }

    private struct State {
        var orders: [FaultKind: [String]] = [:]
        var strikes: [String: Strikes] = [:]
    }

    /// After how many others a point that nobody came past has its turn again.
    private static let patience = 12

    private let state: Mutex<State>

    /// - Parameter seed: the same gives the same order, as far as every point is passed in its turn.
    init(seed: UInt64) {
        var random = SplitMix(seed: seed ^ 0x9017)
        var state = State()
        for kind in [FaultKind.killedAtPoint, .frozenAtPoint] {
            // There are handles only until somebody has mended what cases fail of.
            state.orders[kind] =
                Failpoints.operators.shuffled(using: &random)
                + (Failpoints.ingest + Failpoints.route + Failpoints.conditional.keys.sorted()).shuffled(using: &random)
        }
        self.state = Mutex(state)
    }

    var strikes: [String: Strikes] { state.withLock { $0.strikes } }

    /// Whose turn it is.
    func next(_ kind: FaultKind) -> String { state.withLock { $0.orders[kind]?.first ?? "" } }

    /// Nobody came past: others first.
    func miss(_ kind: FaultKind, _ point: String) { move(kind, point, behind: Self.patience) }

    /// So many processes were struck.
    func hit(_ kind: FaultKind, _ point: String, _ processes: Int) {
        state.withLock { state in
            if kind == .frozenAtPoint {
                state.strikes[point, default: Strikes()].frozen += processes
            } else {
                state.strikes[point, default: Strikes()].killed += processes
            }
        }
        move(kind, point, behind: .max)
    }

    private func move(_ kind: FaultKind, _ point: String, behind others: Int) {
        state.withLock { state in
            guard var order = state.orders[kind], let index = order.firstIndex(of: point) else { return }
            order.remove(at: index)
            order.insert(point, at: min(others, order.count))
            state.orders[kind] = order
        }
    }
}
