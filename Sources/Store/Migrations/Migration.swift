import CMigrations
import Crypto

/// One file of `migrations/`, compiled into the executable.
public struct Migration: Sendable {
    public let number: Int
    /// `0001_cases`
    public let name: String
    public let text: String
    /// SHA-256 of the file, hexadecimal.
    public let digest: String

    public init(fileName: String, text: String) {
        let stem = fileName.hasSuffix(".sql") ? String(fileName.dropLast(4)) : fileName
        guard let number = Int(stem.prefix(while: { $0 != "_" })) else {
            preconditionFailure("\(fileName) does not begin with a number")
        }
        self.number = number
        name = stem
        self.text = text
        digest = SHA256.hash(data: Array(text.utf8)).map { byte in
            String(byte >> 4, radix: 16) + String(byte & 15, radix: 16)
        }.joined()
    }

    /// All, in the order of their numbers.
    public static let all: [Migration] = (0..<caserouter_migration_count()).map { index in
        let file = caserouter_migration_at(index)
        let bytes = UnsafeBufferPointer(start: file.text, count: file.length)
        return Migration(fileName: String(cString: file.name), text: String(decoding: bytes, as: UTF8.self))
    }
}
