import Testing

@testable import AMQP

@Suite struct FrameTests {
    private func frame(_ type: UInt8, _ channel: UInt8, _ payload: [UInt8]) -> [UInt8] {
        [type, 0, channel] + big(UInt32(payload.count)) + payload + [0xCE]
    }

    private func big<Number: FixedWidthInteger>(_ number: Number) -> [UInt8] {
        withUnsafeBytes(of: number.bigEndian) { Array($0) }
    }

    private func put(_ bytes: ArraySlice<UInt8>, into reader: FrameReader) {
        let space = reader.space
        bytes.withUnsafeBytes { space.copyMemory(from: $0) }
        reader.received(bytes.count)
    }

    @Test(arguments: [1, 2, 7, 8, 1_000, 60_000]) func `frames are found however the bytes arrive`(_ step: Int) throws {
        let sizes = [0, 1, 5, 127, 4_096, 131_072, 3, 300_000, 0, 900_000, 17]
        let stream = sizes.enumerated().flatMap {
            frame(3, UInt8($0.offset), Array(repeating: UInt8($0.offset), count: $0.element))
        }
        let reader = FrameReader()
        var found: [Int] = []
        var rest = stream[...]
        while !rest.isEmpty {
            let count = min(step, rest.count, reader.space.count)
            try #require(count > 0)
            put(rest.prefix(count), into: reader)
            rest = rest.dropFirst(count)
            while let frame = try reader.next() {
                #expect(frame.kind == .body && frame.channel == UInt16(found.count))
                #expect(frame.payload.last ?? UInt8(found.count) == UInt8(found.count))
                found.append(frame.payload.count)
            }
        }
        #expect(found == sizes)
    }

    @Test func `what is appended in any sizes leaves in order`() {
        var buffer = OutputBuffer()
        defer { buffer.free() }
        var appended: [UInt8] = []
        var removed: [UInt8] = []
        for round in 0..<300 {
            let size = [1, 700, 0, 64 << 10, 9, 200_000, 30_000][round % 7]
            let bytes = Array(repeating: UInt8(truncatingIfNeeded: round), count: size)
            bytes.withUnsafeBytes { buffer.append($0) }
            appended += bytes
            // Slower than it grows at first, faster later.
            var budget = round < 150 ? 20_000 : 80_000
            while budget > 0 && !buffer.isEmpty {
                #expect(!buffer.unsent.isEmpty)
                let part = buffer.unsent.prefix(budget)
                removed += part
                budget -= part.count
                buffer.removeFirst(part.count)
            }
        }
        while !buffer.isEmpty {
            removed += buffer.unsent
            buffer.removeFirst(buffer.unsent.count)
        }
        #expect(removed == appended)
    }

    private func header(flags: UInt16, size: UInt64 = 3, _ rest: [UInt8]) throws -> ContentHeader {
        let bytes = [0, 60, 0, 0] + big(size) + big(flags) + rest
        return try bytes.withUnsafeBytes { try ContentHeader($0) }
    }

    private func short(_ text: String) -> [UInt8] { [UInt8(text.utf8.count)] + Array(text.utf8) }

    @Test func `all properties are read or passed over`() throws {
        let table: [UInt8] = short("x") + [0x74, 1]
        let parsed = try header(
            flags: 0xFFFC,
            short("text/plain") + short("gzip") + big(UInt32(table.count)) + table + [2, 9] + short("77")
                + short("reply") + short("1500") + short("o:1") + big(UInt64(1)) + short("kind") + short("user")
                + short("app") + short("cluster"))
        #expect(parsed.bodySize == 3)
        #expect(parsed.correlationID == "77")
        #expect(
            parsed.properties
                == AMQPProperties(
                    contentType: "text/plain", messageID: "o:1", type: "kind", expiration: .milliseconds(1_500)))
    }

    @Test func `a header table nested beyond any stack is passed over`() throws {
        let depth = 20_000
        var table: [UInt8] = []
        // Each level: an entry without a name, of type table, with the length of what is inside.
        for level in 1...depth { table += [0, 0x46] + big(UInt32((depth - level) * 6)) }
        let parsed = try header(flags: 1 << 13 | 1 << 7, big(UInt32(table.count)) + table + short("o:2"))
        #expect(parsed.properties.messageID == "o:2")
    }

    @Test(
        arguments: [
            (0x8000, [5, 65]), (0x2000, [0, 0, 0, 9, 1]), (0x1000, []), (0x2000, [0xFF, 0xFF, 0xFF, 0xFF]),
            (0x0040, [0]), (0x4000, []),
        ] as [(UInt16, [UInt8])])
    func `properties that do not end are refused`(_ flags: UInt16, _ rest: [UInt8]) {
        #expect(throws: AMQPError.self) { try header(flags: flags, rest) }
    }

    @Test func `no more of a body is kept than asked for`() throws {
        var content = IncomingContent(.delivery(tag: 1, isRedelivered: false), limit: 10)
        let head = [0, 60, 0, 0] + big(UInt64(25)) + [0, 0]
        try head.withUnsafeBytes { try content.take(header: $0) }
        for part in [7, 8, 9, 1] {
            #expect(!content.isComplete)
            let bytes = Array(repeating: UInt8(part), count: part)
            try bytes.withUnsafeBytes { try content.take(body: $0) }
        }
        #expect(content.isComplete)
        #expect(content.body == [7, 7, 7, 7, 7, 7, 7, 8, 8, 8])
        let more: [UInt8] = [1]
        #expect(throws: AMQPError.self) { try more.withUnsafeBytes { try content.take(body: $0) } }
    }
}
