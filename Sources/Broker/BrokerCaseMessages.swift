import AMQP
import CaseRouting
import Operations
import Polling

/// Looks through a queue for the messages of one case, and takes those away.
///
/// Every message is taken once and kept in hand, so that none comes twice; when the connections are closed, the broker
/// puts back in its place what was not acknowledged. That counts as one look at each message.
public struct BrokerCaseMessages: CaseMessages {
    private let address: AMQPAddress
    private let loop: PollExecutor

    /// Longer queues are not looked through: that would hold up the workers for too long.
    public static let longestQueue = 10_000
    /// In the hand of one connection; the driver allows a thousand.
    private static let perConnection = 900

    public init(address: AMQPAddress, loop: PollExecutor) {
        self.address = address
        self.loop = loop
    }

    public func remove(naming key: CaseKey, from queue: MessageQueue) async throws(RoutingFailure) -> Int {
        var connections: [AMQPConnection] = []
        let result: Result<Int, RoutingFailure>
        do throws(RoutingFailure) {
            result = .success(try await look(through: queue.name, for: key, &connections))
        } catch {
            result = .failure(error)
        }
        for connection in connections { await connection.close() }
        return try result.get()
    }

    private func look(
        through queue: String, for key: CaseKey, _ connections: inout [AMQPConnection]
    ) async throws(RoutingFailure) -> Int {
        // People publish ids of fifteen characters too.
        let wanted = Array(key.caseID.description.utf8.prefix(15))
        var looks = 0, removed = 0
        do throws(AMQPError) {
            while true {
                if looks % Self.perConnection == 0 {
                    connections.append(try await AMQPConnection.open(address, on: loop, name: "caserouter case erase"))
                }
                let connection = connections[connections.count - 1]
                if looks == 0 {
                    let length = try await connection.queueState(queue).messageCount
                    guard length <= Self.longestQueue else {
                        throw AMQPError(
                            operation: "look through \(queue)", kind: .overloaded,
                            text:
                                "\(length) messages wait there: erase the case when they are fewer than \(Self.longestQueue)"
                        )
                    }
                }
                // Workers publish meanwhile; what is newer than the look is not of a case at rest.
                guard looks < 2 * Self.longestQueue, let delivery = try await connection.get(queue) else { break }
                looks += 1
                guard delivery.body.contains(wanted), Self.org(of: delivery.body) ?? key.org == key.org else {
                    continue
                }
                try await connection.acknowledge(delivery)
                removed += 1
            }
        } catch {
            throw RoutingFailure(broker: error)
        }
        return removed
    }

    /// Whose case a message is about: a sandbox has the ids of its origin. Nil when it cannot be read.
    private static func org(of body: [UInt8]) -> String? {
        do throws(UnreadableMessage) {
            return switch try RequestMessage(body) {
            case .change(let change): change.org
            case .retry(let handle): handle.caseKey.org
            }
        } catch {
            return nil
        }
    }
}

extension MessageQueue {
    fileprivate var name: String {
        switch self {
        case .requests: BrokerTopology.requests
        case .failed: BrokerTopology.failed
        case .dead: BrokerTopology.dead
        }
    }
}
