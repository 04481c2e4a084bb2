import Testing

@testable import AMQP

@Suite struct AcknowledgementWindowTests {
    /// Records what is sent and holds the broker's rules against it.
    struct Channel {
        var window: AcknowledgementWindow
        var sent: [String] = []
        /// What the broker counts as unsettled.
        var unsettled: Set<UInt64> = []
        var next: UInt64 = 1

        init(limit: Int) { window = AcknowledgementWindow(limit: limit) }

        mutating func deliver(_ count: Int = 1) {
            for _ in 0..<count {
                var frames: [AcknowledgementWindow.Acknowledgement] = []
                let follows = window.delivered(next) { frames.append($0) }
                #expect(follows)
                note(frames)
                unsettled.insert(next)
                next += 1
            }
        }

        mutating func finish(_ tags: UInt64...) {
            for tag in tags { expect(window.finish(tag)) }
        }

        mutating func reject(_ tag: UInt64) {
            expect(window.settle(tag))
            expect(unsettled.remove(tag) != nil)
        }

        mutating func prefix() {
            var frames: [AcknowledgementWindow.Acknowledgement] = []
            window.takePrefix { frames.append($0) }
            note(frames)
        }

        mutating func singly() {
            var frames: [AcknowledgementWindow.Acknowledgement] = []
            window.takeSingly { frames.append($0) }
            note(frames)
        }

        private mutating func note(_ frames: [AcknowledgementWindow.Acknowledgement]) {
            for frame in frames {
                sent.append("\(frame.multiple ? "…" : "")\(frame.tag)")
                // The broker closes the channel over a tag that it does not have.
                #expect(unsettled.contains(frame.tag))
                unsettled = unsettled.filter { frame.multiple ? $0 > frame.tag : $0 != frame.tag }
            }
        }
    }

    @Test func `what is finished in order costs one frame`() {
        var channel = Channel(limit: 10)
        channel.deliver(5)
        channel.finish(1, 2, 3)
        channel.prefix()
        #expect(channel.sent == ["…3"])
        channel.finish(4)
        channel.prefix()
        channel.prefix()
        #expect(channel.sent == ["…3", "4"])
        #expect(channel.unsettled == [5])
    }

    @Test func `the order of finishing does not matter within a turn`() {
        var channel = Channel(limit: 10)
        channel.deliver(4)
        channel.finish(4, 2, 1, 3)
        channel.prefix()
        #expect(channel.sent == ["…4"])
    }

    @Test func `a stuck delivery holds the others until they are sent singly`() {
        var channel = Channel(limit: 10)
        channel.deliver(6)
        channel.finish(2, 3, 5)
        channel.prefix()
        #expect(channel.sent == [])
        #expect(channel.window.finishedCount == 3)
        channel.singly()
        #expect(channel.sent == ["2", "3", "5"])
        #expect(channel.window.finishedCount == 0)
        channel.finish(1)
        channel.prefix()
        #expect(channel.sent == ["2", "3", "5", "1"])
        channel.finish(4, 6)
        channel.prefix()
        #expect(channel.sent.last == "…6")
        #expect(channel.unsettled == [])
    }

    @Test func `half the limit behind a stuck one is too much`() {
        var channel = Channel(limit: 10)
        channel.deliver(10)
        channel.finish(2, 3, 4, 5)
        #expect(!channel.window.isStuck)
        channel.finish(6)
        #expect(channel.window.isStuck)
    }

    @Test func `a rejected delivery is never named again`() {
        var channel = Channel(limit: 10)
        channel.deliver(4)
        channel.reject(2)
        channel.reject(4)
        channel.finish(1, 3)
        channel.prefix()
        #expect(channel.sent == ["…3"])
        #expect(channel.unsettled == [])
        channel.deliver()
        channel.reject(5)
        channel.prefix()
        #expect(channel.sent == ["…3"])
    }

    @Test func `nothing is settled twice and nothing that was not delivered`() {
        var channel = Channel(limit: 10)
        channel.deliver(3)
        expect(!channel.window.finish(4))
        expect(!channel.window.finish(0))
        channel.finish(2)
        expect(!channel.window.finish(2))
        expect(!channel.window.settle(2))
        channel.singly()
        expect(!channel.window.finish(2))
        channel.finish(1)
        channel.prefix()
        expect(!channel.window.finish(1))
        expect(!channel.window.settle(1))
    }

    @Test func `a tag that does not follow is refused`() {
        var window = AcknowledgementWindow(limit: 10)
        expect(!window.delivered(2) { _ in })
        expect(window.delivered(1) { _ in })
        expect(!window.delivered(1) { _ in })
    }

    @Test func `one delivery that stays for ever neither stops nor swells the window`() {
        var channel = Channel(limit: 4)
        channel.deliver()
        for tag in UInt64(2)...5_000 {
            channel.deliver()
            channel.finish(tag)
            channel.prefix()
            if channel.window.isStuck { channel.singly() }
        }
        channel.prefix()
        channel.singly()
        #expect(channel.unsettled == [1])
        // While it is held apart no frame may be multiple, because that would cover it.
        #expect(!channel.sent.contains { $0.hasPrefix("…") })
        channel.finish(1)
        channel.prefix()
        #expect(channel.sent.last == "1")
        channel.deliver(2)
        channel.finish(5_001, 5_002)
        channel.prefix()
        #expect(channel.sent.last == "…5002")
        #expect(channel.unsettled == [])
    }

    @Test(arguments: 1...20) func `any order of finishing and rejecting settles everything once`(_ seed: UInt64) {
        var random = SplitMix(state: seed)
        var channel = Channel(limit: 16)
        var open: [UInt64] = []
        for _ in 0..<3_000 {
            switch random.next() % 4 {
            case 0, 1:
                if channel.unsettled.count < 16 {
                    open.append(channel.next)
                    channel.deliver()
                }
            case 2:
                if !open.isEmpty { channel.finish(open.remove(at: Int(random.next() % UInt64(open.count)))) }
            default:
                if !open.isEmpty, random.next() % 8 == 0 {
                    channel.reject(open.remove(at: Int(random.next() % UInt64(open.count))))
                }
                channel.prefix()
                if channel.window.isStuck || random.next() % 16 == 0 { channel.singly() }
            }
        }
        for tag in open { channel.finish(tag) }
        channel.prefix()
        channel.singly()
        #expect(channel.unsettled == [])
        #expect(channel.window.finishedCount == 0)
    }

    struct SplitMix {
        var state: UInt64
        mutating func next() -> UInt64 {
            state &+= 0x9E37_79B9_7F4A_7C15
            var mixed = state
            mixed = (mixed ^ (mixed >> 30)) &* 0xBF58_476D_1CE4_E5B9
            mixed = (mixed ^ (mixed >> 27)) &* 0x94D0_49BB_1331_11EB
            return mixed ^ (mixed >> 31)
        }
    }
}

/// `#expect` for calls that change what they are called on.
private func expect(_ condition: Bool, sourceLocation: SourceLocation = #_sourceLocation) {
    #expect(condition, sourceLocation: sourceLocation)
}
