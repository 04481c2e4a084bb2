import Foundation
import Hummingbird

/// The switches of `docs/simulators.md`, section CIC, under `/control/…` on both ports.
extension CICState {
    func control(_ request: CICRequest) -> CICAnswer {
        do throws(CICError) {
            let answer = try controlled(request, Array(request.segments.dropFirst()))
            recordRequest(
                host: request.host, method: request.method.rawValue, path: request.path, status: answer.status)
            return answer
        } catch {
            return error.answer
        }
    }

    private func controlled(_ request: CICRequest, _ path: [String]) throws(CICError) -> CICAnswer {
        switch (request.method, path.first ?? "", path.count) {
        case (.get, "state", 1): return CICAnswer(200, dump)
        case (.post, "reset", 1):
            reset()
            return .done
        case (.get, "configuration", 1): return CICAnswer(200, try encoded(configuration))
        case (.patch, "configuration", 1), (.post, "configuration", 1): return try changeConfiguration(request)
        case (.post, "faults", 1): return try addFault(request)
        case (.delete, "faults", 1):
            faults = []
            faultsStruck = 0
            return .done
        case (.post, "sessions", 2) where path[1] == "expire":
            let only = request.body?["session"]?.string
            let concerned = sessions.values.filter { only == nil || $0.id == only }
            for session in concerned { end(session, reason: "expired") }
            return CICAnswer(200, ["ended": CICJSON(concerned.count)])
        case (.post, "switchover", 1):
            var recovery = configuration.recovery
            if let body = request.body { recovery = try merged(recovery, body) }
            switchOver(recovery)
            return .done
        case (_, "interactions", _): return try controlInteractions(request, Array(path.dropFirst()))
        case (_, "agents", _), (_, "skills", _), (_, "workgroups", _):
            return try controlDirectory(request, path)
        case (.post, "notify", 1):
            guard let data = try request.required("data").strings else { throw CICError.invalid("data") }
            sendNotification(
                object: request.body?["objectId"]?.string ?? "CaseRouter",
                event: try request.requiredString("eventId"), data: data)
            return .done
        default: throw CICError.notFound
        }
    }

    // MARK: Configuration

    private func encoded(_ value: some Encodable) throws(CICError) -> CICJSON {
        do {
            let data = try JSONEncoder().encode(value)
            return try data.withUnsafeBytes { try CICJSON.parse($0.assumingMemoryBound(to: UInt8.self)) }
        } catch {
            throw CICError(500, "error.simulator.encoding", "\(error)")
        }
    }

    /// A value with some of its keys replaced; an unknown key is an error, so that a switch is never misspelled.
    private func merged<Value: Codable>(_ value: Value, _ changes: CICJSON) throws(CICError) -> Value {
        let current = try encoded(value)
        guard let members = changes.members else { throw CICError.invalid("body") }
        for member in members where current[member.key] == nil { throw CICError.invalid(member.key) }
        let kept = (current.members ?? []).filter { changes[$0.key] == nil }
        do {
            return try JSONDecoder().decode(Value.self, from: Data(CICJSON.object(kept + members).bytes))
        } catch {
            throw CICError(400, "error.simulator.configuration", "\(error)")
        }
    }

    /// The switches that may change while the simulator runs; who and what exists has its own requests.
    private func changeConfiguration(_ request: CICRequest) throws(CICError) -> CICAnswer {
        let switches: Set<String> = [
            "users", "acd", "features", "recovery", "handler", "createAttributes", "createAttributesDelay",
            "listsAssigned", "lingering", "actionDelay", "idSpace", "idleSeconds", "pingSeconds",
            "unreadableWorkgroups", "attributeKeys",
        ]
        var members: [(key: String, value: CICJSON)] = []
        for (key, value) in try request.object().members ?? [] {
            guard switches.contains(key) else { throw CICError.invalid(key) }
            switch key {
            case "attributeKeys": attributeKeys = value.string ?? "asked"
            case "handler": members.append((key, try encoded(try merged(configuration.handler, value))))
            case "recovery": members.append((key, try encoded(try merged(configuration.recovery, value))))
            default: members.append((key, value))
            }
        }
        let acd = configuration.acd
        configuration = try merged(configuration, .object(members))
        if configuration.acd, !acd {
            for interaction in interactions.values.sorted(by: { $0.serial < $1.serial }) {
                interaction.place += interaction.waits ? 1 : 0
                enqueue(interaction)
            }
        }
        return CICAnswer(200, try encoded(configuration))
    }

    private func addFault(_ request: CICRequest) throws(CICError) -> CICAnswer {
        let operation = try request.requiredString("operation")
        guard CICOperation.names.contains(operation) else { throw CICError.invalid("operation") }
        let body = try request.object()
        guard let moment = CICFault.Moment(rawValue: body["when"]?.string ?? "before") else {
            throw CICError.invalid("when")
        }
        let effect: CICFault.Effect
        switch try request.requiredString("do") {
        case "answer":
            guard let status = body["status"]?.int, (300...599).contains(status) else {
                throw CICError.invalid("status")
            }
            effect = .answer(status: status)
        case "cut": effect = .cut
        case "wait":
            guard let milliseconds = body["ms"]?.int, milliseconds >= 0 else { throw CICError.invalid("ms") }
            effect = .wait(milliseconds)
        case "garble":
            guard moment == .after else { throw CICError.invalid("when") }
            effect = .garble
        default: throw CICError.invalid("do")
        }
        faults.append(CICFault(operation: operation, moment: moment, effect: effect, count: body["count"]?.int))
        return .done
    }

    // MARK: State

    private var dump: CICJSON {
        var states: [String: Int] = [:]
        var depths: [String: Int] = [:]
        for interaction in interactions.values {
            states[interaction.state.rawValue, default: 0] += 1
            if interaction.lives { depths[interaction.workgroup ?? "", default: 0] += 1 }
        }
        return [
            "server": .string(configuration.server), "active": CICJSON(active),
            "hosts": .array(addresses.map { ["name": .string($0.name), "port": CICJSON($0.port)] }),
            "sessions": .array(
                sessions.values.map {
                    [
                        "session": .string($0.id), "user": .string($0.user), "application": .string($0.application),
                        "subscriptions": CICJSON($0.queueSubscriptions.keys.sorted()),
                        "notifications": CICJSON($0.notifications.sorted()),
                        "pending": CICJSON($0.pending.count), "stream": .bool($0.reader != nil),
                    ]
                }),
            "interactions": CICJSON(interactions.count), "states": Self.counts(states), "queues": Self.counts(depths),
            "agents": .array(
                agents.values.sorted { $0.settings.name < $1.settings.name }.map {
                    [
                        "name": .string($0.settings.name), "enabled": .bool($0.settings.enabled),
                        "interactions": CICJSON($0.current.values.map(\.id).sorted()),
                    ]
                }),
            "faults": CICJSON(faults.count), "struck": CICJSON(faultsStruck),
        ]
    }

    private static func counts(_ counts: [String: Int]) -> CICJSON {
        .object(counts.sorted { $0.key < $1.key }.map { ($0.key, CICJSON($0.value)) })
    }
}
