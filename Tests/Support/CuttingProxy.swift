import Glibc
import Synchronization

/// A TCP proxy on loopback that breaks connections where a test says.
///
/// Two threads for each connection, because it has to be nothing like what it tests.
public final class CuttingProxy: Sendable {
    /// What is still to happen to the bytes that pass. Set for all connections, those to come included.
    public enum Fault: Sendable, Equatable {
        case none
        /// The next bytes from the client are dropped and the connection is cut: the server never sees the request.
        case cutAtRequest
        /// A request is forwarded; when the server answers, the answer is dropped and the connection is cut.
        case cutBeforeAnswer
        /// The connection is cut when so many more bytes have gone to the server; what exceeds them is dropped.
        case cutAfterBytesToServer(Int)
        /// The same towards the client.
        case cutAfterBytesToClient(Int)
        /// Nothing passes in either direction and nothing is closed.
        case stall
        /// Connections are closed as soon as they are accepted.
        case refuse
        /// In what the server sends, a text is another one of the same length.
        case replaceInAnswers([UInt8], with: [UInt8])
    }

    public struct Counts: Sendable, Equatable {
        public var accepted = 0
        public var cuts = 0
        public var bytesToServer = 0
        public var bytesToClient = 0
    }

    private struct State {
        var fault = Fault.none
        /// Whether a request passed since `cutBeforeAnswer` was set.
        var sawRequest = false
        var counts = Counts()
        var links: [Int: Link] = [:]
        var isClosed = false
        var target: Int
    }

    private struct Link {
        let client: Int32
        let server: Int32
        /// Pumps that still run; the last one closes both descriptors.
        var pumps = 2
        var isCut = false
    }

    /// Where to connect: 127.0.0.1, this port.
    public let port: Int
    private let listener: Int32
    private let state: Mutex<State>

    /// Listens on a free port and forwards to a port of this machine.
    public init(to target: Int) throws {
        state = Mutex(State(target: target))
        (listener, port) = try LoopbackSocket.listen()
        let accepting = self
        try SocketThread.start { accepting.accept() }
    }

    /// What shall happen from now on; `.none` heals.
    public func set(_ fault: Fault) {
        state.withLock {
            $0.fault = fault
            $0.sawRequest = false
        }
    }

    /// Connections to come go to another port; those that are open stay where they are.
    public func retarget(to target: Int) { state.withLock { $0.target = target } }

    public var counts: Counts { state.withLock { $0.counts } }

    /// Cuts every connection now.
    public func cutAll() {
        state.withLock { state in
            for number in state.links.keys { Self.cut(number, &state) }
        }
    }

    /// Ends the proxy and all its connections.
    public func close() {
        state.withLock { state in
            if state.isClosed { return }
            state.isClosed = true
            for number in state.links.keys { Self.cut(number, &state) }
            // Wakes the accepting thread, which closes the descriptor.
            shutdown(listener, Int32(SHUT_RDWR))
        }
    }

    // MARK: Threads

    private func accept() {
        var number = 0
        while true {
            let client = Glibc.accept(listener, nil, nil)
            if client < 0 {
                if errno == EINTR || errno == ECONNABORTED { continue }
                Glibc.close(listener)
                return
            }
            let (refused, target) = state.withLock { state in
                state.counts.accepted += 1
                return (state.isClosed || state.fault == .refuse, state.target)
            }
            guard !refused, let server = LoopbackSocket.connect(to: target) else {
                LoopbackSocket.reset(client)
                Glibc.close(client)
                continue
            }
            number += 1
            let link = number
            state.withLock { $0.links[link] = Link(client: client, server: server) }
            do {
                try SocketThread.start { self.pump(link, from: client, to: server, isRequest: true) }
                try SocketThread.start { self.pump(link, from: server, to: client, isRequest: false) }
            } catch {
                fatalError("\(error)")
            }
        }
    }

    private func pump(_ number: Int, from source: Int32, to sink: Int32, isRequest: Bool) {
        var buffer = [UInt8](repeating: 0, count: 65_536)
        while true {
            let count = recv(source, &buffer, buffer.count, 0)
            if count < 0 && errno == EINTR { continue }
            if count <= 0 { break }
            while state.withLock({ $0.fault == .stall && $0.links[number]?.isCut == false }) { usleep(2_000) }
            if !isRequest { replace(in: &buffer, count) }
            let (passing, cuts) = state.withLock { Self.judge(count, isRequest, &$0) }
            if passing > 0, !LoopbackSocket.sendAll(sink, buffer, passing) { break }
            if cuts {
                state.withLock { Self.cut(number, &$0) }
                break
            }
        }
        // One direction ended: so does the other, as with a connection.
        shutdown(sink, Int32(SHUT_WR))
        state.withLock { state in
            state.links[number]!.pumps -= 1
            guard let link = state.links[number], link.pumps == 0 else { return }
            state.links[number] = nil
            Glibc.close(link.client)
            Glibc.close(link.server)
        }
    }

    /// A text that came in two pieces stays as it is.
    private func replace(in buffer: inout [UInt8], _ count: Int) {
        guard case .replaceInAnswers(let text, let other) = state.withLock({ $0.fault }), count >= text.count else {
            return
        }
        precondition(text.count == other.count && !text.isEmpty, "lengths are sent before texts")
        for start in 0...(count - text.count) where buffer[start..<start + text.count].elementsEqual(text) {
            buffer.replaceSubrange(start..<start + text.count, with: other)
        }
    }

    /// How many of the bytes pass, and whether the connection is cut after them.
    private static func judge(_ count: Int, _ isRequest: Bool, _ state: inout State) -> (passing: Int, cuts: Bool) {
        var passing = count
        var cuts = false
        switch state.fault {
        case .none, .stall, .refuse, .replaceInAnswers: break
        case .cutAtRequest where isRequest: (passing, cuts) = (0, true)
        case .cutBeforeAnswer where isRequest: state.sawRequest = true
        case .cutBeforeAnswer where state.sawRequest: (passing, cuts) = (0, true)
        case .cutAfterBytesToServer(let left) where isRequest:
            (passing, cuts) = (min(left, count), left <= count)
            state.fault = .cutAfterBytesToServer(left - passing)
        case .cutAfterBytesToClient(let left) where !isRequest:
            (passing, cuts) = (min(left, count), left <= count)
            state.fault = .cutAfterBytesToClient(left - passing)
        case .cutAtRequest, .cutBeforeAnswer, .cutAfterBytesToServer, .cutAfterBytesToClient: break
        }
        if cuts { state.fault = .none }
        if isRequest { state.counts.bytesToServer += passing } else { state.counts.bytesToClient += passing }
        return (passing, cuts)
    }

    private static func cut(_ number: Int, _ state: inout State) {
        guard let link = state.links[number], !link.isCut else { return }
        state.links[number]!.isCut = true
        state.counts.cuts += 1
        // The client sees a reset; its descriptor is closed by the pumps.
        LoopbackSocket.reset(link.client)
        shutdown(link.client, Int32(SHUT_RDWR))
        shutdown(link.server, Int32(SHUT_RDWR))
    }
}
