import CaseRouting
import JSON

extension CICServer {
    /// What CIC holds under this id now, if it is still ours.
    func reading(
        _ interaction: InteractionID, _ attempt: AttemptID, _ operation: CICOperation, until deadline: Duration
    ) async throws(RoutingFailure) -> InteractionReading {
        guard
            let values = try await attributes(
                of: interaction, InteractionAttribute.reading, operation, until: deadline)
        else { return .gone }
        let phase = InteractionPhase(
            state: values[InteractionAttribute.state] ?? "",
            hasUser: values[InteractionAttribute.user]?.isEmpty == false)
        // CIC uses ids again: without our attempt it is somebody else's by now.
        guard phase != .ended, AttemptID(values[InteractionAttribute.attempt] ?? "") == attempt else { return .gone }
        let inForce = max(0, Int64(values[InteractionAttribute.assign] ?? "") ?? 0)
        if let user = values[InteractionAttribute.userQueue], !user.isEmpty, values[InteractionAttribute.user] == user {
            // In a user's own queue it rings for as long as it waits.
            return .alive(
                isWithAgent: phase == .withAgent, assignNumber: inForce, workgroup: UserQueue(user: user).place)
        }
        let workgroup = InteractionAttribute.workgroups.lazy.compactMap { values[$0] }.first { !$0.isEmpty }
        return .alive(
            isWithAgent: phase == .withAgent || phase == .alerting, isAlerting: phase == .alerting,
            assignNumber: inForce, workgroup: workgroup)
    }

    /// Attributes of one interaction by the names that were asked for; nil when it does not exist.
    func attributes(
        of interaction: InteractionID, _ names: [String], _ operation: CICOperation, until deadline: Duration
    ) async throws(RoutingFailure) -> [String: String]? {
        let path = Self.path(interaction) + "?select=" + names.joined(separator: ",")
        let answer = try await call(operation.reading, ICWSRequest(.get, path), until: deadline)
        if answer.status == 404 { return nil }
        guard answer.isSuccess else { throw failures.failure(operation.reading, answer) }
        do {
            return try Self.attributes(answer.body, names)
        } catch {
            throw failures.malformed(operation.reading, answer, error.description)
        }
    }

    static func path(_ interaction: InteractionID) -> String {
        "interactions/" + ICWSPath.encoded(interaction.description)
    }

    /// Keys may come back in another case than they were asked for.
    static func attributes(_ body: [UInt8], _ names: [String]) throws(JSONError) -> [String: String] {
        let asked = Dictionary(names.map { ($0.lowercased(), $0) }) { first, _ in first }
        var values: [String: String] = [:]
        try JSONReader.decode(body) { reader in
            var found = false
            try reader.object { key, reader in
                guard case "attributes" = key else { return }
                found = true
                try reader.object { key, reader in
                    guard reader.kind == .string, let name = asked[String(key).lowercased()] else { return }
                    values[name] = try reader.string()
                }
            }
            if !found { throw reader.missing("attributes") }
        }
        return values
    }
}

extension CICOperation {
    /// Reading has no effect, whatever it is for: it never leaves an outcome unknown.
    fileprivate var reading: CICOperation {
        switch self {
        case .create, .move, .setAttributes: .setAttributes
        default: self
        }
    }
}
