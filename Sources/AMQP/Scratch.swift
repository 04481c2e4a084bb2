import CRabbitMQ

/// Memory for the strings and tables of one outgoing method, because librabbitmq's structures hold pointers: filled,
/// encoded, reset. Its size bounds what one method can carry.
struct Scratch {
    /// A method has to fit one frame; ours need a few hundred bytes.
    static let size = 64 << 10

    private let storage = UnsafeMutableRawBufferPointer.allocate(byteCount: Scratch.size, alignment: 16)
    private var used = 0

    /// The owner calls this once, as its last use.
    func free() { storage.deallocate() }

    mutating func reset() { used = 0 }

    /// Overwrites everything: what was encoded here was secret.
    mutating func erase() {
        storage.initializeMemory(as: UInt8.self, repeating: 0)
        used = 0
    }

    /// Copies text. Callers check names against 255 bytes and tables against `size` before.
    mutating func bytes(_ text: String) -> amqp_bytes_t {
        var text = text
        return text.withUTF8 { utf8 in
            precondition(used + utf8.count <= storage.count, "method larger than its limit")
            let start = storage.baseAddress! + used
            if let source = utf8.baseAddress { start.copyMemory(from: source, byteCount: utf8.count) }
            used += utf8.count
            return amqp_bytes_t(len: utf8.count, bytes: start)
        }
    }

    /// Builds a field table, in the order of its names.
    mutating func table(_ fields: [String: AMQPField]) -> amqp_table_t {
        table(fields.sorted { $0.key < $1.key }.map { ($0.key, $0.value) })
    }

    /// Builds a field table. Its entries, too, live here.
    mutating func table(_ fields: [(String, AMQPField)]) -> amqp_table_t {
        let entries = allocate(amqp_table_entry_t.self, fields.count)
        for (index, (name, field)) in fields.enumerated() {
            entries[index].key = bytes(name)
            entries[index].value = value(field)
        }
        return amqp_table_t(num_entries: Int32(fields.count), entries: entries)
    }

    private mutating func value(_ field: AMQPField) -> amqp_field_value_t {
        var value = amqp_field_value_t()
        switch field {
        case .string(let text):
            value.kind = UInt8(AMQP_FIELD_KIND_UTF8.rawValue)
            value.value.bytes = bytes(text)
        case .integer(let number):
            value.kind = UInt8(AMQP_FIELD_KIND_I64.rawValue)
            value.value.i64 = number
        case .boolean(let flag):
            value.kind = UInt8(AMQP_FIELD_KIND_BOOLEAN.rawValue)
            value.value.boolean = flag ? 1 : 0
        case .table(let fields):
            value.kind = UInt8(AMQP_FIELD_KIND_TABLE.rawValue)
            value.value.table = table(fields)
        }
        return value
    }

    private mutating func allocate<Value>(_: Value.Type, _ count: Int) -> UnsafeMutablePointer<Value> {
        let alignment = MemoryLayout<Value>.alignment
        used = (used + alignment - 1) / alignment * alignment
        let size = MemoryLayout<Value>.stride * count
        precondition(used + size <= storage.count, "method larger than its limit")
        let start = storage.baseAddress! + used
        used += size
        // No element needs to be destroyed: the structures of C are plain bytes.
        start.initializeMemory(as: UInt8.self, repeating: 0, count: size)
        return start.bindMemory(to: Value.self, capacity: count)
    }
}

extension Scratch {
    /// Properties of a message, with the driver's own number as correlation id.
    mutating func properties(_ properties: AMQPProperties, correlationID: UInt64) -> amqp_basic_properties_t {
        var encoded = amqp_basic_properties_t()
        var flags = AMQP_BASIC_DELIVERY_MODE_FLAG | AMQP_BASIC_CORRELATION_ID_FLAG
        encoded.delivery_mode = properties.deliveryMode.rawValue
        encoded.correlation_id = bytes(String(correlationID))
        if let text = properties.contentType {
            flags |= AMQP_BASIC_CONTENT_TYPE_FLAG
            encoded.content_type = bytes(text)
        }
        if let text = properties.messageID {
            flags |= AMQP_BASIC_MESSAGE_ID_FLAG
            encoded.message_id = bytes(text)
        }
        if let text = properties.type {
            flags |= AMQP_BASIC_TYPE_FLAG
            encoded.type = bytes(text)
        }
        if let duration = properties.expiration {
            flags |= AMQP_BASIC_EXPIRATION_FLAG
            encoded.expiration = bytes(String(max(0, Int64(duration / .milliseconds(1)))))
        }
        encoded._flags = amqp_flags_t(flags)
        return encoded
    }
}
