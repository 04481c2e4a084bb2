import Hummingbird

/// A disturbance of the next requests of one operation.
struct CICFault: Sendable {
    enum Moment: String, Sendable {
        /// Nothing of the request is done.
        case before
        /// Everything is done, and then the answer goes wrong.
        case after
    }

    enum Effect: Sendable, Equatable {
        /// Another answer.
        case answer(status: Int)
        /// The connection is closed without an answer.
        case cut
        /// The request is done, or its answer sent, this many milliseconds later.
        case wait(Int)
        /// Only the first half of the answer's body is sent, as if that were all of it.
        case garble
    }

    /// Name of the operation, or `any`.
    var operation: String
    var moment: Moment
    var effect: Effect
    /// How many requests it concerns; `nil` until it is cleared.
    var count: Int?
}

/// Names of operations, as `/control/faults` takes them.
enum CICOperation {
    static let names: Set<String> = [
        "any", "connect", "discovery", "connection", "messages", "heartbeat", "subscribe", "create", "read", "write",
        "disconnect", "transfer", "pickup", "hold", "notification", "configuration", "status", "licenses", "other",
    ]

    static func name(_ request: CICRequest) -> String {
        let path = request.segments
        guard path.count >= 2 else { return "other" }
        if path[1] == "connection" { return path.count == 2 ? "connect" : "discovery" }
        guard path.count >= 3 else { return "other" }
        switch path[2].lowercased() {
        case "connection": return "connection"
        case "messaging":
            guard path.count > 3 else { return "other" }
            return path[3] == "messages" ? "messages" : path[3] == "heartbeat" ? "heartbeat" : "subscribe"
        case "interactions":
            switch (path.count, request.method) {
            case (3, _): return "create"
            case (4, .get): return "read"
            case (4, _): return "write"
            default: return path[4] == "blind-transfer" ? "transfer" : names.contains(path[4]) ? path[4] : "other"
            }
        case "system": return "notification"
        case "configuration": return "configuration"
        case "status", "activations": return "status"
        case "licenses": return "licenses"
        default: return "other"
        }
    }
}

extension CICState {
    /// Does what a disconnect or a transfer asks for when it takes effect: late if that is wanted, but never before what was
    /// asked for earlier about the same interaction.
    func takeEffect(on interaction: CICInteraction, _ action: @escaping (CICState) -> Void) {
        guard configuration.actionDelay > 0 || interaction.lateActions > 0 else { return action(self) }
        let due = max(now + .milliseconds(configuration.actionDelay), interaction.lastActionDue ?? now)
        interaction.lastActionDue = due
        interaction.lateActions += 1
        timers.add(due: due) { state in
            interaction.lateActions -= 1
            action(state)
        }
    }

    /// The first fault that concerns the operation at this moment, counted down.
    func takeFault(_ operation: String, _ moment: CICFault.Moment) -> CICFault? {
        guard !faults.isEmpty else { return nil }
        let index = faults.firstIndex { fault in
            fault.moment == moment && (fault.operation == operation || fault.operation == "any")
        }
        guard let index else { return nil }
        let fault = faults[index]
        faultsStruck += 1
        if let count = fault.count {
            if count <= 1 { faults.remove(at: index) } else { faults[index].count = count - 1 }
        }
        return fault
    }
}
