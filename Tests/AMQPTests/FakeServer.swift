import Glibc
import Synchronization
import TestSupport

/// A server that is no broker: says what it is told to and then closes, or stays silent.
final class FakeServer: Sendable {
    let port: UInt16
    private let listener: Int32
    private let thread: Mutex<pthread_t>

    /// - Parameters:
    ///   - answer: sent to each client at once.
    ///   - closes: whether the connection is closed after that; else it stays open and silent.
    init(answer: [UInt8] = [], closes: Bool = false) throws {
        port = try freePorts(1)[0]
        let listener = socket(AF_INET, Int32(SOCK_STREAM.rawValue | SOCK_CLOEXEC.rawValue), 0)
        self.listener = listener
        var one: Int32 = 1
        setsockopt(listener, SOL_SOCKET, SO_REUSEADDR, &one, 4)
        var address = sockaddr_in()
        address.sin_family = sa_family_t(AF_INET)
        address.sin_port = port.bigEndian
        address.sin_addr.s_addr = UInt32(0x7F00_0001).bigEndian
        let result = withUnsafePointer(to: &address) { pointer in
            pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) {
                bind(listener, $0, socklen_t(MemoryLayout<sockaddr_in>.size))
            }
        }
        guard result == 0, listen(listener, 8) == 0 else { throw PrivateBroker.Failure(description: "no listener") }
        var id = pthread_t()
        let box = Unmanaged.passRetained(Job(listener: listener, answer: answer, closes: closes))
        pthread_create(
            &id, nil,
            { argument in
                Unmanaged<Job>.fromOpaque(argument!).takeRetainedValue().run()
                return nil
            }, box.toOpaque())
        thread = Mutex(id)
    }

    deinit {
        // Wakes `accept`, which then fails.
        shutdown(listener, Int32(SHUT_RDWR))
        pthread_join(thread.withLock { $0 }, nil)
        close(listener)
    }

    private final class Job: Sendable {
        let listener: Int32
        let answer: [UInt8]
        let closes: Bool

        init(listener: Int32, answer: [UInt8], closes: Bool) {
            self.listener = listener
            self.answer = answer
            self.closes = closes
        }

        func run() {
            var clients: [Int32] = []
            while true {
                let client = accept(listener, nil, nil)
                if client < 0 { break }
                _ = answer.withUnsafeBytes { send(client, $0.baseAddress, $0.count, Int32(MSG_NOSIGNAL)) }
                if closes { close(client) } else { clients.append(client) }
            }
            for client in clients { close(client) }
        }
    }
}
