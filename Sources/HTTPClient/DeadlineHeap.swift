import Polling

/// The transfers by the time at which each must be looked at, earliest first.
///
/// A binary heap in which every transfer knows its place, so that the usual case, ending long before the deadline,
/// leaves nothing behind.
struct DeadlineHeap {
    private var heap: [Transfer] = []

    var first: Transfer? { heap.first }

    /// Puts a transfer in, or moves it, to `transfer.wakeAt`.
    mutating func update(_ transfer: Transfer) {
        if transfer.heapIndex < 0 {
            transfer.heapIndex = heap.count
            heap.append(transfer)
        }
        settle(transfer.heapIndex)
    }

    mutating func remove(_ transfer: Transfer) {
        let index = transfer.heapIndex
        if index < 0 { return }
        transfer.heapIndex = -1
        let last = heap.removeLast()
        if index < heap.count {
            place(last, index)
            settle(index)
        }
    }

    private mutating func place(_ transfer: Transfer, _ index: Int) {
        heap[index] = transfer
        transfer.heapIndex = index
    }

    private mutating func settle(_ start: Int) {
        let transfer = heap[start]
        var index = start
        while index > 0, transfer.wakeAt < heap[(index - 1) / 2].wakeAt {
            place(heap[(index - 1) / 2], index)
            index = (index - 1) / 2
        }
        while true {
            var child = 2 * index + 1
            if child >= heap.count { break }
            if child + 1 < heap.count && heap[child + 1].wakeAt < heap[child].wakeAt { child += 1 }
            if transfer.wakeAt <= heap[child].wakeAt { break }
            place(heap[child], index)
            index = child
        }
        place(transfer, index)
    }
}
