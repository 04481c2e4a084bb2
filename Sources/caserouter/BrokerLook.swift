import AMQP
import Broker
import CaseRouting
import Operations
import Polling

/// Asks the broker about the three queues, passively: nothing is declared, taken or changed.
struct BrokerLook: QueueStates {
    let address: AMQPAddress
    let loop: PollExecutor

    private static var settings: AMQPSettings {
        var settings = AMQPSettings()
        // A screen must come also where the broker is the trouble.
        settings.openDeadline = .seconds(3)
        settings.operationDeadline = .seconds(3)
        return settings
    }

    func queues() async -> SiteStatus.Queues {
        let connection: AMQPConnection
        do throws(AMQPError) {
            connection = try await AMQPConnection.open(
                address, on: loop, name: "caserouter status", settings: Self.settings)
        } catch {
            return .unreachable(error.text)
        }
        var found: [SiteStatus.Queue] = []
        var trouble: String?
        for name in [BrokerTopology.requests, BrokerTopology.failed, BrokerTopology.dead] {
            do throws(AMQPError) {
                let state = try await connection.queueState(name)
                found.append(
                    SiteStatus.Queue(name: name, messages: state.messageCount, consumers: state.consumerCount))
            } catch {
                guard case .closedByBroker(404) = error.kind else {
                    trouble = error.text
                    break
                }
                found.append(SiteStatus.Queue(name: name, messages: nil, consumers: 0))
            }
        }
        await connection.close()
        return trouble.map { .unreachable($0) } ?? .found(found)
    }
}
