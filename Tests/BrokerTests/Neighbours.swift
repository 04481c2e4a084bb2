import AMQP
import CaseRouting
import Logging
import Polling
import Synchronization
import TestSupport
import Testing

@testable import Broker

extension VirtualHost {
    func publisher(_ address: AMQPAddress? = nil) -> BrokerPublisher {
        BrokerPublisher(address: address ?? self.address, name: "test publisher", loop: loop, logger: .silent)
    }

    func consumer(_ address: AMQPAddress? = nil, casesInFlight: Int = 8) -> BrokerConsumer {
        BrokerConsumer(
            address: address ?? self.address, name: "test consumer", casesInFlight: casesInFlight, loop: loop,
            logger: .silent)
    }

    func failedQueue(_ address: AMQPAddress? = nil) -> BrokerFailedQueue {
        BrokerFailedQueue(address: address ?? self.address, name: "test handles", loop: loop, logger: .silent)
    }

    /// The same virtual host behind a proxy that can cut.
    func proxied() throws -> (proxy: CuttingProxy, address: AMQPAddress) {
        let proxy = try CuttingProxy(to: Int(try #require(address.hosts.first).port))
        var address = address
        address.hosts = [AMQPAddress.Host(name: "127.0.0.1", port: UInt16(proxy.port))]
        return (proxy, address)
    }
}

extension Logger {
    static var silent: Logger { Logger(label: "test") { _ in SwiftLogNoOpLogHandler() } }
}

/// What an operation fails with, nil when it succeeds.
func failure<Value>(
    _ body: () async throws(RoutingFailure) -> Value
) async -> RoutingFailure? {
    do throws(RoutingFailure) {
        _ = try await body()
        return nil
    } catch {
        return error
    }
}

/// Text, as a body.
func body(_ text: String) -> [UInt8] { Array(text.utf8) }
func text(_ delivery: RequestDelivery) -> String { String(decoding: delivery.body, as: UTF8.self) }
