import Foundation
import Polling

/// One connection of a link: two sockets, and the bytes on their way between them. To be used on its loop only.
final class ProxyConnection {
    /// A number below 1: which share of connections this one belongs to.
    let draw: Double

    private unowned let link: ProxyLink
    private let client: Side
    private let server: Side
    private var effect = Disturbance.none
    /// Whether the client sent something since answers are being lost.
    private var sawRequest = false
    private var isClosed = false

    /// One of the two sockets, and what waits to be written to it.
    private final class Side {
        let descriptor: Int32
        /// In the order of arrival, each with the time from which it may be written.
        var waiting: [(due: MonotonicTime, bytes: ArraySlice<UInt8>)] = []
        /// Whether a timer will look at `waiting`.
        var hasTimer = false
        /// Nothing more comes from this socket.
        var hasEnded = false
        /// Nothing more will be written to it, as soon as nothing is waiting.
        var endsAfter = false
        var isShut = false

        init(_ descriptor: Int32) { self.descriptor = descriptor }

        var waitingBytes: Int { waiting.reduce(0) { $0 + $1.bytes.count } }
    }

    init(link: ProxyLink, client: Int32, server: Int32, draw: Double) {
        self.link = link
        self.draw = draw
        self.client = Side(client)
        self.server = Side(server)
    }

    func begin(_ effect: Disturbance) {
        for (side, other) in [(client, server), (server, client)] {
            link.loop.watch(side.descriptor, for: []) { [unowned self] events in handle(events, side, other) }
        }
        disturb(effect)
    }

    func disturb(_ effect: Disturbance) {
        self.effect = effect
        sawRequest = false
        switch effect {
        case .cut: close()
        case .reset: close(abruptly: true)
        default:
            for side in [client, server] where !isClosed { flush(side) }
            watchBoth()
        }
    }

    func close(abruptly: Bool = false) {
        if isClosed { return }
        isClosed = true
        link.remove(self)
        for side in [client, server] {
            link.loop.unwatch(side.descriptor)
            if abruptly {
                var linger = linger(l_onoff: 1, l_linger: 0)
                setsockopt(
                    side.descriptor, SOL_SOCKET, SO_LINGER, &linger, socklen_t(MemoryLayout<Foundation.linger>.size))
            }
            Foundation.close(side.descriptor)
        }
    }

    // MARK: Bytes

    private func handle(_ events: PollEvents, _ side: Side, _ other: Side) {
        // Alive until the end of the turn, whatever closes it.
        withExtendedLifetime(self) {
            if events.contains(.broken) && (effect == .blackHole || side.hasEnded) { return close() }
            if events.contains(.writable) && !isClosed { flush(side) }
            if !isClosed && !side.hasEnded && effect != .blackHole
                && (events.contains(.readable) || events.contains(.broken))
            {
                read(side, other)
            }
            watchBoth()
        }
    }

    private func read(_ side: Side, _ other: Side) {
        var chunk = [UInt8](repeating: 0, count: 65_536)
        let count = recv(side.descriptor, &chunk, chunk.count, 0)
        if count < 0 {
            if errno != EAGAIN && errno != EINTR { close() }
            return
        }
        if count == 0 {
            side.hasEnded = true
            other.endsAfter = true
        } else {
            if effect == .lostAnswer {
                if side === server && sawRequest { return close() }
                if side === client { sawRequest = true }
            }
            let delay: Duration =
                if case .delay(let milliseconds) = effect { .milliseconds(milliseconds) } else { .zero }
            other.waiting.append((MonotonicTime.now + delay, chunk[..<count]))
        }
        flush(other)
    }

    /// Writes what is due to a socket.
    private func flush(_ side: Side) {
        var limit = Int.max
        if case .trickle(let bytes) = effect {
            // A timer writes, so that nothing else makes it faster.
            if side.hasTimer { return }
            limit = bytes
        }
        while limit > 0, effect != .blackHole, let first = side.waiting.first, first.due <= MonotonicTime.now {
            let part = first.bytes.prefix(limit)
            let count = part.withUnsafeBytes { send(side.descriptor, $0.baseAddress, $0.count, Int32(MSG_NOSIGNAL)) }
            if count < 0 {
                // Not connected yet, or full: the loop tells when it is writable.
                if errno != EAGAIN && errno != EINTR && errno != ENOTCONN { return close() }
                break
            }
            limit -= count
            if count == first.bytes.count {
                side.waiting.removeFirst()
            } else {
                side.waiting[0].bytes = first.bytes.dropFirst(count)
            }
        }
        if side.waiting.isEmpty {
            if side.endsAfter && !side.isShut && effect != .blackHole {
                side.isShut = true
                shutdown(side.descriptor, Int32(SHUT_WR))
                if client.isShut && server.isShut { return close() }
            }
        } else {
            setTimer(side)
        }
    }

    private func setTimer(_ side: Side) {
        guard !side.hasTimer, effect != .blackHole, let first = side.waiting.first else { return }
        let delay: Duration
        if case .trickle = effect {
            delay = .milliseconds(20)
        } else {
            let left = first.due.nanoseconds - MonotonicTime.now.nanoseconds
            guard left > 0 else { return }
            delay = .nanoseconds(left)
        }
        side.hasTimer = true
        link.loop.schedule(after: delay) { [weak self] in
            guard let self, !isClosed else { return }
            side.hasTimer = false
            flush(side)
            watchBoth()
        }
    }

    /// Waits for what can be done now: not for room where bytes wait for their time, and for no more bytes than fit.
    private func watchBoth() {
        if isClosed { return }
        for (side, other) in [(client, server), (server, client)] {
            var interest: PollEvents = []
            if !side.hasEnded && effect != .blackHole && other.waitingBytes < Self.mostWaiting {
                interest.insert(.readable)
            }
            if !side.hasTimer && effect != .blackHole && !side.waiting.isEmpty { interest.insert(.writable) }
            link.loop.rewatch(side.descriptor, for: interest)
        }
    }

    private static let mostWaiting = 1 << 20
}
