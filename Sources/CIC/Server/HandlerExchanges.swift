import CaseRouting

/// Requests to the handler whose answers have not come, by what tells answers apart.
struct HandlerExchanges {
    struct Key: Hashable {
        let operation: HandlerOperation
        let attempt: String
        /// The assign number, 0 for other requests.
        let number: Int64
    }

    enum Answer: Sendable, Equatable {
        case created(InteractionID)
        case assigned
        case stale(inForce: Int64)
        case elsewhere(workgroup: String)
        case disconnected
        case gone
        case pong(version: String)
        case failed(code: String, text: String)
    }

    private struct Waiting {
        let key: Key
        let interaction: InteractionID?
        let answer: Awaited<Answer>
    }

    /// The code of what may go away by itself.
    private static let temporary = "internal"

    /// By attempt: hundreds wait at a time, and every answer names one.
    private var waiting: [String: [Waiting]] = [:]

    mutating func expect(_ key: Key, _ interaction: InteractionID? = nil) -> Awaited<Answer> {
        let answer = Awaited<Answer>()
        waiting[key.attempt, default: []].append(Waiting(key: key, interaction: interaction, answer: answer))
        return answer
    }

    mutating func forget(_ key: Key, _ answer: Awaited<Answer>) {
        // Nearly always the only one.
        guard let others = waiting[key.attempt], others.count > 1 || others.first?.answer !== answer else {
            waiting[key.attempt] = nil
            return
        }
        waiting[key.attempt] = others.filter { $0.answer !== answer }
    }

    /// Hands an answer to whoever asked; what nobody waits for, repeated and late answers above all, is dropped.
    func received(_ data: [String]) {
        guard let kind = data.first, data.count >= 3 else { return }
        let attempt = data[1]
        let interaction = InteractionID(data[2])
        switch kind {
        case "Created":
            guard !data[2].isEmpty, data[2].utf8.count <= ICWSMessageReader.longestID else { return }
            fulfil(.created(interaction), attempt) { $0.operation == .create }
        case "Assigned":
            guard data.count >= 4, let number = Int64(data[3]) else { return }
            fulfil(.assigned, attempt, interaction) { $0.operation == .assign && $0.number == number }
        case "Stale":
            guard data.count >= 4, let inForce = Int64(data[3]) else { return }
            // Stale is what is not greater than the number in force: an answer to an older request fits no newer one.
            fulfil(.stale(inForce: inForce), attempt, interaction) {
                $0.operation == .assign && $0.number <= inForce
            }
        case "Elsewhere":
            let workgroup = data.count >= 5 ? data[4] : ""
            fulfil(.elsewhere(workgroup: workgroup), attempt, interaction) { $0.operation == .assign }
        case "Disconnected":
            fulfil(.disconnected, attempt, interaction) { $0.operation == .disconnect }
        case "Gone":
            fulfil(.gone, attempt, interaction) { $0.operation == .assign || $0.operation == .disconnect }
        case "Pong":
            fulfil(.pong(version: data[2]), attempt) { $0.operation == .ping }
        case "Failed":
            guard let operation = HandlerOperation(rawValue: data[2]) else { return }
            let code = data.count >= 4 ? data[3] : ""
            let text = data.count >= 5 ? data[4] : ""
            guard operation == .assign else {
                return fulfil(.failed(code: code, text: text), attempt) { $0.operation == operation }
            }
            if data.count >= 6, let number = Int64(data[5]) {
                fulfil(.failed(code: code, text: text), attempt) { $0.operation == .assign && $0.number == number }
            } else {
                // It may be about an older assign, with other names: nothing that fails a case at once.
                fulfil(.failed(code: Self.temporary, text: text), attempt) { $0.operation == .assign }
            }
        default: break
        }
    }

    private func fulfil(
        _ answer: Answer, _ attempt: String, _ interaction: InteractionID? = nil, where fits: (Key) -> Bool
    ) {
        for one in waiting[attempt] ?? [] where fits(one.key) {
            if interaction == nil || one.interaction == interaction { one.answer.fulfil(answer) }
        }
    }
}
