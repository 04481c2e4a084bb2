import Testing

@testable import Polling

struct TimerHeapTests {
    @Test func `cancelled timers do not pile up, and the others keep their order`() {
        var heap = TimerHeap()
        var fired: [Int] = []
        let start = MonotonicTime.now
        for number in 0..<10_000 {
            let timer = heap.add(at: start + .seconds(10_000 - number)) { fired.append(number) }
            if number % 2_500 != 0 { timer.cancel() }
            #expect(heap.count <= 200)
        }
        while let timer = heap.popDue(start + .seconds(20_000)) { timer.fire() }
        #expect(fired == [7_500, 5_000, 2_500, 0] && heap.isEmpty)
    }
}
