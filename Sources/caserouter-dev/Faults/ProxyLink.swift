import Foundation
import Polling
import ProtocolSimulation

/// One link of a proxy: its listeners and connections. To be used on its loop only.
final class ProxyLink {
    let loop: PollExecutor
    private(set) var disturbance = Disturbance.none
    private var share = 1.0
    private var random: SplitMix
    private var listeners: [Int32] = []
    private var connections: [ObjectIdentifier: ProxyConnection] = [:]

    init(loop: PollExecutor, seed: UInt64) {
        self.loop = loop
        random = SplitMix(seed: seed)
    }

    func listen(_ address: String, _ port: UInt16, forwardTo target: UInt16) throws {
        let listener = socket(AF_INET, Self.type, 0)
        var one: Int32 = 1
        setsockopt(listener, SOL_SOCKET, SO_REUSEADDR, &one, socklen_t(MemoryLayout<Int32>.size))
        guard listener >= 0, Loopback.withAddress(address, port, { bind(listener, $0, $1) }) == 0,
            Foundation.listen(listener, 512) == 0
        else { throw RunFailure("the proxy cannot listen on \(address):\(port): \(String(cString: strerror(errno)))") }
        listeners.append(listener)
        // Held by its listener until it is closed.
        loop.watch(listener, for: .readable) { [self] _ in accept(listener, address, target) }
    }

    func disturb(_ disturbance: Disturbance, share: Double) {
        self.disturbance = disturbance
        self.share = share
        for connection in Array(connections.values) {
            connection.disturb(effect(on: connection.draw))
        }
    }

    func close() {
        for listener in listeners {
            loop.unwatch(listener)
            Foundation.close(listener)
        }
        listeners = []
        for connection in Array(connections.values) { connection.close() }
    }

    func remove(_ connection: ProxyConnection) { connections[ObjectIdentifier(connection)] = nil }

    /// Every connection has drawn a number; those below the share are affected.
    private func effect(on draw: Double) -> Disturbance { draw < share ? disturbance : .none }

    private func accept(_ listener: Int32, _ address: String, _ target: UInt16) {
        while true {
            let client = Foundation.accept(listener, nil, nil)
            // Nobody is waiting any more, or no descriptor is left: whoever waits is accepted later.
            guard client >= 0 else { return }
            _ = fcntl(client, F_SETFL, O_NONBLOCK)
            _ = fcntl(client, F_SETFD, FD_CLOEXEC)
            let server = socket(AF_INET, Self.type, 0)
            let result = Loopback.withAddress(address, target) { connect(server, $0, $1) }
            guard server >= 0, result == 0 || errno == EINPROGRESS else {
                Foundation.close(client)
                if server >= 0 { Foundation.close(server) }
                continue
            }
            var one: Int32 = 1
            for descriptor in [client, server] {
                setsockopt(descriptor, Int32(IPPROTO_TCP), TCP_NODELAY, &one, socklen_t(MemoryLayout<Int32>.size))
            }
            let connection = ProxyConnection(
                link: self, client: client, server: server, draw: Double.random(in: 0..<1, using: &random))
            connections[ObjectIdentifier(connection)] = connection
            connection.begin(effect(on: connection.draw))
        }
    }

    private static let type =
        Int32(SOCK_STREAM.rawValue) | Int32(SOCK_NONBLOCK.rawValue) | Int32(SOCK_CLOEXEC.rawValue)
}
