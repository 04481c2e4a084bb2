extension UndecodableMessage {
    /// What is kept of a message that cannot be read, and why it cannot.
    init(_ delivery: RequestDelivery, _ reason: String) {
        self.init(
            reason: reason, length: delivery.length, beginning: Array(delivery.body.prefix(4_096)),
            digest: Self.digest(delivery.body))
    }

    /// FNV-1a with 64 bits twice: names equal contents, protects against nothing.
    private static func digest(_ bytes: [UInt8]) -> String {
        var first: UInt64 = 0xcbf2_9ce4_8422_2325
        var second: UInt64 = 0x8422_2325_cbf2_9ce4
        for byte in bytes {
            first = (first ^ UInt64(byte)) &* 0x100_0000_01b3
            second = (second ^ UInt64(byte ^ 0x5a)) &* 0x100_0000_01b3
        }
        return String(first, radix: 16) + "-" + String(second, radix: 16) + "-" + String(bytes.count)
    }
}
