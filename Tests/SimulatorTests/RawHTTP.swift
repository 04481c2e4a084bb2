import Foundation

/// One request on one socket, written and read by hand: nothing is repeated, pooled or interpreted.
enum RawHTTP {
    struct Failure: Error { let code: Int32 }

    /// Connects to a port of 127.0.0.1 and sends a request.
    private static func open(
        port: Int, _ method: String, _ path: String, headers: [String: String], body: Data = Data()
    ) throws -> FileHandle {
        let descriptor = socket(AF_INET, Int32(SOCK_STREAM.rawValue), 0)
        guard descriptor >= 0 else { throw Failure(code: errno) }
        let handle = FileHandle(fileDescriptor: descriptor, closeOnDealloc: true)
        var patience = timeval(tv_sec: 10, tv_usec: 0)
        setsockopt(descriptor, SOL_SOCKET, SO_RCVTIMEO, &patience, socklen_t(MemoryLayout<timeval>.size))
        var address = sockaddr_in()
        address.sin_family = sa_family_t(AF_INET)
        address.sin_port = UInt16(port).bigEndian
        address.sin_addr.s_addr = inet_addr("127.0.0.1")
        let connected = withUnsafePointer(to: &address) {
            $0.withMemoryRebound(to: sockaddr.self, capacity: 1) {
                connect(descriptor, $0, socklen_t(MemoryLayout<sockaddr_in>.size))
            }
        }
        guard connected == 0 else { throw Failure(code: errno) }
        var request = "\(method) \(path) HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Length: \(body.count)\r\n"
        for (name, value) in headers { request += "\(name): \(value)\r\n" }
        try handle.write(contentsOf: Data((request + "\r\n").utf8) + body)
        return handle
    }

    /// Sends a request and reads until the other side closes; on a thread of its own, because the read blocks.
    static func exchange(
        port: Int, _ method: String, _ path: String, headers: [String: String], body: Data = Data()
    ) async throws -> String {
        try await withCheckedThrowingContinuation { done in
            Thread {
                done.resume(
                    with: Result {
                        let handle = try open(port: port, method, path, headers: headers, body: body)
                        return String(decoding: try handle.readToEnd() ?? Data(), as: UTF8.self)
                    })
            }.start()
        }
    }
}
