/// A statement's text with the types of its parameters: prepared once per connection, then sent by name.
final class PreparedStatement: Sendable {
    /// For messages.
    let name: String
    let sql: String
    let types: [UInt32]

    init(name: String, sql: String, types: [UInt32]) {
        self.name = name
        self.sql = sql
        self.types = types
    }
}

/// The addresses of a statement's parameters, as libpq wants them; reused.
final class ParameterList {
    private(set) var values: [UnsafePointer<CChar>?] = []
    private(set) var lengths: [Int32] = []
    /// 1: binary.
    private(set) var formats: [Int32] = []
    private var offsets: [Int] = []
    private let buffer = EncodingBuffer()

    var count: Int { values.count }

    func removeAll() {
        values.removeAll(keepingCapacity: true)
        lengths.removeAll(keepingCapacity: true)
        formats.removeAll(keepingCapacity: true)
        buffer.removeAll()
    }

    /// A parameter whose bytes stay where they are until the statement is sent.
    func append(_ bytes: UnsafeRawPointer, count: Int) {
        values.append(bytes.assumingMemoryBound(to: CChar.self))
        lengths.append(Int32(count))
        formats.append(1)
    }

    /// Encodes single values behind what is there already.
    func append(_ parameters: [PostgresValue]) {
        if parameters.isEmpty { return }
        offsets.removeAll(keepingCapacity: true)
        for parameter in parameters {
            offsets.append(buffer.count)
            parameter.encode(into: buffer)
        }
        // Addresses only now: the buffer may have moved while it grew.
        for (index, parameter) in parameters.enumerated() {
            if parameter == .null {
                values.append(nil)
                lengths.append(0)
                formats.append(1)
                continue
            }
            let end = index + 1 < offsets.count ? offsets[index + 1] : buffer.count
            append(buffer.base + offsets[index] + 4, count: end - offsets[index] - 4)
        }
    }
}
