import Foundation
import Glibc
import Synchronization
import TestSupport

/// A server that answers what a test writes, however wrong: one thread a connection, raw sockets.
final class ScriptedServer: Sendable {
    struct Request: Sendable {
        let method: String
        let path: String
        let body: String
        /// The server's own.
        let port: Int
    }

    enum Reply: Sendable {
        case answer(Int, String, [(String, String)] = [])
        /// Takes the request and says nothing.
        case silence
        /// Closes in the middle of the answer.
        case cut
    }

    let port: Int
    private let listener: Int32
    private let script: @Sendable (Request) -> Reply
    private let log = Mutex<[Request]>([])

    var requests: [Request] { log.withLock { $0 } }

    init(_ script: @escaping @Sendable (Request) -> Reply) throws {
        (listener, port) = try LoopbackSocket.listen()
        self.script = script
        Thread.detachNewThread { [self] in
            while true {
                let connection = accept(listener, nil, nil)
                if connection < 0 { return }
                Thread.detachNewThread { [self] in serve(connection) }
            }
        }
    }

    func close() { shutdown(listener, Int32(SHUT_RDWR)) }

    private func serve(_ connection: Int32) {
        defer { Glibc.close(connection) }
        var buffer: [UInt8] = []
        while let request = request(connection, &buffer) {
            log.withLock { $0.append(request) }
            switch script(request) {
            case .answer(let status, let body, let fields):
                var head = "HTTP/1.1 \(status) X\r\nContent-Length: \(body.utf8.count)\r\n"
                for (name, value) in fields { head += "\(name): \(value)\r\n" }
                send(connection, head + "\r\n" + body)
            case .silence: break
            case .cut:
                send(connection, "HTTP/1.1 200 OK\r\nContent-Length: 1000\r\n\r\n[{\"channel\"")
                return
            }
        }
    }

    private func request(_ connection: Int32, _ buffer: inout [UInt8]) -> Request? {
        while true {
            if let end = buffer.firstRange(of: Array("\r\n\r\n".utf8)) {
                let lines = String(decoding: buffer[..<end.lowerBound], as: UTF8.self).split(separator: "\r\n")
                let length =
                    lines.first { $0.lowercased().hasPrefix("content-length:") }
                    .flatMap { Int($0.dropFirst(15).trimmingCharacters(in: .whitespaces)) } ?? 0
                if buffer.count >= end.upperBound + length {
                    let body = String(decoding: buffer[end.upperBound..<end.upperBound + length], as: UTF8.self)
                    buffer.removeFirst(end.upperBound + length)
                    let words = lines[0].split(separator: " ")
                    return Request(method: String(words[0]), path: String(words[1]), body: body, port: port)
                }
            }
            var chunk = [UInt8](repeating: 0, count: 65_536)
            let count = read(connection, &chunk, chunk.count)
            if count <= 0 { return nil }
            buffer += chunk[..<count]
        }
    }

    private func send(_ connection: Int32, _ text: String) {
        var bytes = Array(text.utf8)[...]
        while !bytes.isEmpty {
            let sent = bytes.withUnsafeBytes { Glibc.send(connection, $0.baseAddress, $0.count, Int32(MSG_NOSIGNAL)) }
            if sent <= 0 { return }
            bytes = bytes.dropFirst(sent)
        }
    }
}
