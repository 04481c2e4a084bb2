import AMQP
import CaseRouting
import Operations
import Polling

/// What `doctor` sees of the broker. Nothing is declared that is not there, nothing is taken and nothing is left.
public struct BrokerInspection: BrokerExaminer {
    private let address: Result<AMQPAddress, RoutingFailure>
    private let loop: PollExecutor

    static let subject = "broker"
    private static let oldestVersion = (3, 10)

    /// - Parameter address: why there is none, where it cannot be read from the settings.
    public init(_ address: Result<AMQPAddress, RoutingFailure>, loop: PollExecutor) {
        self.address = address
        self.loop = loop
    }

    private static var settings: AMQPSettings {
        var settings = AMQPSettings()
        // Somebody waits for the answer.
        settings.openDeadline = .seconds(5)
        settings.operationDeadline = .seconds(5)
        settings.publishDeadline = .seconds(5)
        return settings
    }

    public func examine() async -> [DoctorLine] {
        let connection: AMQPConnection
        let open: AMQPAddress
        switch address {
        case .success(let address): open = address
        case .failure(let failure): return [.failure(.brokerReachable, Self.subject, failure.summary)]
        }
        do throws(AMQPError) {
            connection = try await AMQPConnection.open(
                open, on: loop, name: "caserouter doctor", settings: Self.settings)
        } catch {
            let remedy =
                switch error.kind {
                case .authentication:
                    "correct user and password: CASEROUTER_BROKER_URL, CASEROUTER_BROKER_PASSWORD_FILE"
                case .closedByBroker(530):
                    "make the virtual host, or give the user rights in it: rabbitmqctl set_permissions"
                default: String?.none
                }
            return [.failure(.brokerReachable, Self.subject, error.description, remedy)]
        }
        var lines: [DoctorLine] = [
            .ok(.brokerReachable, Self.subject, "logged in as \(open.user) to virtual host \(open.virtualHost)"),
            version(await connection.serverVersion),
        ]
        for (queue, arguments) in BrokerTopology.arguments {
            lines += await look(at: queue, arguments, connection)
        }
        lines += await publishing(connection)
        await connection.close()
        return lines
    }

    private func version(_ text: String?) -> DoctorLine {
        let parts = (text ?? "").split(separator: ".").prefix(2).compactMap { Int($0) }
        guard parts.count == 2 else {
            return .warning(.brokerVersion, Self.subject, "the broker does not tell a version that can be read")
        }
        return (parts[0], parts[1]) >= Self.oldestVersion
            ? .ok(.brokerVersion, Self.subject, "RabbitMQ \(text ?? "")")
            : .failure(.brokerVersion, Self.subject, "RabbitMQ \(text ?? "") is older than 3.10")
    }

    private func look(
        at queue: String, _ arguments: [String: AMQPField], _ connection: AMQPConnection
    ) async -> [DoctorLine] {
        let state: AMQPQueueState
        do throws(AMQPError) {
            state = try await connection.queueState(queue)
        } catch {
            guard case .closedByBroker(404) = error.kind else {
                return [.failure(.brokerQueue, Self.subject, "\(queue): \(error.text)", Self.lacking(error))]
            }
            return [.failure(.brokerQueue, Self.subject, "\(queue) is not there")]
        }
        var lines: [DoctorLine] = [
            .ok(
                .brokerQueue, Self.subject, "\(queue): \(state.messageCount) messages, \(state.consumerCount) consumers"
            )
        ]
        lines.append(await compare(queue, arguments, connection))
        lines.append(await reading(queue, connection))
        return lines
    }

    /// It is there, so that to declare it as it has to be only compares.
    private func compare(
        _ queue: String, _ arguments: [String: AMQPField], _ connection: AMQPConnection
    ) async -> DoctorLine {
        do throws(AMQPError) {
            _ = try await connection.declareQueue(queue, arguments: arguments)
            return .ok(.brokerArguments, Self.subject, "\(queue) is as declared")
        } catch {
            switch error.kind {
            case .closedByBroker(403):
                return .warning(
                    .brokerArguments, Self.subject,
                    "\(queue): its arguments cannot be seen, because the user may not declare it",
                    "nothing, if caserouter migrate runs as another user; else give it configure on caserouter\\..*")
            default: return .failure(.brokerArguments, Self.subject, "\(queue): \(error.text)")
            }
        }
    }

    /// A consumer with an argument that cannot be: the broker looks at the right first, then refuses the argument, and
    /// hands out no message, whatever waits.
    private func reading(_ queue: String, _ connection: AMQPConnection) async -> DoctorLine {
        do throws(AMQPError) {
            // A broker that makes a consumer of it all the same: what came goes back.
            await (try connection.consume(queue, prefetch: 1, arguments: ["x-priority": "none"])).stop()
            return .ok(.brokerRead, Self.subject, "\(queue) may be consumed")
        } catch {
            guard case .closedByBroker(406) = error.kind else {
                return .failure(.brokerRead, Self.subject, "\(queue): \(error.text)")
            }
            return .ok(.brokerRead, Self.subject, "\(queue) may be consumed")
        }
    }

    /// No queue has this name: the message comes back, and the right has been seen. With an alarm the broker still takes
    /// the first message of a connection and nothing after it, so that a second one shows whether there is an alarm.
    private func publishing(_ connection: AMQPConnection) async -> [DoctorLine] {
        var lines: [DoctorLine] = []
        for isSecond in [false, true] {
            do throws(AMQPError) {
                try await connection.publish([], to: "caserouter.doctor.nobody")
            } catch {
                let isBlocked = await connection.isBlocked
                if error.kind == .blocked || error.kind != .unroutable && isBlocked {
                    return lines + [
                        .failure(.brokerAlarm, Self.subject, "the broker takes no messages: \(error.text)")
                    ]
                }
                guard error.kind == .unroutable else {
                    return [.failure(.brokerWrite, Self.subject, error.description)]
                }
            }
            lines.append(
                isSecond
                    ? .ok(.brokerAlarm, Self.subject, "no alarm: messages are taken")
                    : .ok(.brokerWrite, Self.subject, "messages may be published"))
        }
        return lines
    }

    private static func lacking(_ error: AMQPError) -> String? {
        guard case .closedByBroker(403) = error.kind else { return nil }
        return "rabbitmqctl set_permissions: the user needs read on caserouter\\..*"
    }
}
