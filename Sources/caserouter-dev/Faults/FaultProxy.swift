import Foundation
import Polling
import ProtocolSimulation

/// A TCP proxy on loopback with several links, each between the product and one neighbour, that breaks connections
/// where it is told to.
///
/// It knows no protocol. One event loop carries all links; that a fault is over is known to every connection at once.
actor FaultProxy {
    private nonisolated let loop: PollExecutor
    nonisolated var unownedExecutor: UnownedSerialExecutor { loop.asUnownedSerialExecutor() }

    private var links: [String: ProxyLink] = [:]
    private var random: SplitMix

    /// - Parameter seed: decides which connections of a link are affected where not all are.
    init(seed: UInt64) {
        loop = PollExecutor(name: "proxy")
        random = SplitMix(seed: seed)
    }

    var names: [String] { links.keys.sorted() }

    /// Listens on a port of one or several addresses and forwards to another port of the same address.
    func add(_ name: String, listen port: UInt16, forwardTo target: UInt16, addresses: [String] = ["127.0.0.1"]) throws
    {
        let link = ProxyLink(loop: loop, seed: random.next())
        for address in addresses { try link.listen(address, port, forwardTo: target) }
        links[name] = link
    }

    /// Disturbs a link until the next call.
    ///
    /// - Parameter share: of the connections, those to come included.
    func disturb(_ name: String, _ disturbance: Disturbance, share: Double = 1) throws {
        guard let link = links[name] else { throw RunFailure("the proxy has no link \(name)") }
        link.disturb(disturbance, share: share)
    }

    /// Ends all links. The loop's thread lives on: it costs nothing and goes with the process.
    func close() {
        for link in links.values { link.close() }
        links = [:]
    }
}
