import Crypto
import Foundation

/// The keys under which data keys are wrapped: they live in a file outside the database.
///
/// One key a line, `ID BASE64` with 32 bytes; the first is used for what is written from now on, all of them for what is
/// read, so that a rotation can re-wrap while workers run. The file belongs to the service's user and nobody else may
/// read it (0400), or it is a systemd credential.
public struct MasterKeys: Sendable {
    /// The key that what is written from now on is wrapped under.
    public let primary: String
    private let keys: [String: SymmetricKey]

    /// Of all keys, the primary among them.
    public var ids: Set<String> { Set(keys.keys) }

    /// Why the file cannot be used. Names the file, never its content.
    public struct Problem: Error, CustomStringConvertible {
        public let description: String
    }

    /// - Parameter credentials: where systemd puts credentials of this process, if it does. It opens those to the
    ///   service's user by an access control list, which looks like a right of the group and is none.
    public init(file path: String, credentials: String? = nil) throws(Problem) {
        let attributes: [FileAttributeKey: Any]
        let text: String
        do {
            attributes = try FileManager.default.attributesOfItem(atPath: path)
            text = try String(contentsOfFile: path, encoding: .utf8)
        } catch {
            throw Problem(
                description: "the key file \(path) cannot be read; make one with: caserouter keys generate FILE")
        }
        let mode = (attributes[.posixPermissions] as? NSNumber)?.intValue ?? 0o777
        let isCredential = credentials.map { !$0.isEmpty && path.hasPrefix($0 + "/") } ?? false
        guard mode & (isCredential ? 0o037 : 0o077) == 0 else {
            throw Problem(
                description: "the key file \(path) can be read by others; give it mode 0400: chmod 400 \(path)")
        }
        var keys: [String: SymmetricKey] = [:]
        var primary: String?
        for line in text.split(whereSeparator: \.isNewline) where !line.hasPrefix("#") {
            let parts = line.split(separator: " ")
            guard parts.count == 2, let bytes = Data(base64Encoded: String(parts[1])), bytes.count == 32 else {
                throw Problem(description: "the key file \(path) holds a line that is not: ID BASE64 of 32 bytes")
            }
            keys[String(parts[0])] = SymmetricKey(data: bytes)
            primary = primary ?? String(parts[0])
        }
        guard let primary else { throw Problem(description: "the key file \(path) holds no key") }
        self.primary = primary
        self.keys = keys
    }

    func key(_ id: String) -> SymmetricKey? { keys[id] }

    /// Makes a file with one new key. An existing file is never touched.
    public static func generate(file path: String) throws(Problem) -> String {
        let (id, line) = newKey()
        try write(line, to: path)
        return id
    }

    /// Puts a new key first into a file; the others stay for what is under them. The file is replaced as a whole, so that
    /// no reader ever finds half of it.
    public static func addKey(file path: String) throws(Problem) -> String {
        _ = try MasterKeys(file: path)
        let (id, line) = newKey()
        let new = path + ".new"
        let text: String
        do {
            text = try String(contentsOfFile: path, encoding: .utf8)
        } catch {
            throw Problem(description: "\(path) cannot be read: \(error.localizedDescription)")
        }
        try write(line + text, to: new)
        guard rename(new, path) == 0 else {
            let reason = String(cString: strerror(errno))
            unlink(new)
            throw Problem(description: "\(path) cannot be replaced: \(reason)")
        }
        return id
    }

    private static func newKey() -> (id: String, line: String) {
        let id = "k" + String(UInt32.random(in: .min ... .max), radix: 36)
        let line = SymmetricKey(size: .bits256).withUnsafeBytes { "\(id) \(Data($0).base64EncodedString())\n" }
        return (id, line)
    }

    private static func write(_ text: String, to path: String) throws(Problem) {
        let descriptor = open(path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0o400)
        guard descriptor >= 0 else {
            throw Problem(
                description: errno == EEXIST
                    ? "\(path) exists already; nothing was changed"
                    : "\(path) cannot be written: \(String(cString: strerror(errno)))")
        }
        let handle = FileHandle(fileDescriptor: descriptor, closeOnDealloc: true)
        do {
            try handle.write(contentsOf: Data(text.utf8))
            try handle.synchronize()
        } catch {
            throw Problem(description: "\(path) cannot be written: \(error.localizedDescription)")
        }
    }
}
