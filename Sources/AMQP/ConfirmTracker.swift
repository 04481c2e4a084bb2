import DequeModule

/// Which publishes of one channel still wait for the broker's answer. Pure: no socket, no clock.
///
/// The broker numbers publishes from 1. It confirms in any order, singly or `multiple` (all up to a number), and sends
/// a message that reached no queue back *before* it confirms it. A slot lives until its confirm, whether somebody still
/// waits for it or not.
struct ConfirmTracker<Waiter> {
    /// How one publish ended.
    enum Outcome: Equatable {
        case confirmed
        case nacked
        case returned(code: Int, text: String)
    }

    private struct Slot {
        var waiter: Waiter?
        var returned: (code: Int, text: String)?
        var isAnswered = false
    }

    /// From the oldest without an answer to the newest.
    private var slots: Deque<Slot> = []
    private var first: UInt64 = 1

    /// The number that the next publish gets.
    var next: UInt64 { first + UInt64(slots.count) }
    /// Publishes between the oldest without an answer and the newest.
    var span: Int { slots.count }

    /// Notes a publish. Returns its number.
    mutating func sent(_ waiter: Waiter) -> UInt64 {
        let number = next
        slots.append(Slot(waiter: waiter))
        return number
    }

    /// The broker sent publish `number` back; its confirm is still to come. An unknown number is ignored.
    mutating func returned(_ number: UInt64, code: Int, text: String) {
        guard let index = index(number) else { return }
        slots[index].returned = (code, text)
    }

    /// The broker confirmed or refused publish `number`, or all up to it. Calls `resolve` in the order of publishing.
    ///
    /// - Returns: false when that number was never published or was answered before: the broker errs.
    mutating func answered(
        _ number: UInt64, multiple: Bool, nacked: Bool, _ resolve: (Waiter, Outcome) -> Void
    ) -> Bool {
        // Zero with `multiple` means all.
        let last = number == 0 && multiple ? next - 1 : number
        if multiple && last < first { return last > 0 || number == 0 }
        guard let index = index(last), multiple || !slots[index].isAnswered else { return false }
        for index in (multiple ? 0 : index)...index where !slots[index].isAnswered {
            slots[index].isAnswered = true
            guard let waiter = slots[index].waiter else { continue }
            slots[index].waiter = nil
            let outcome: Outcome =
                if let (code, text) = slots[index].returned {
                    .returned(code: code, text: text)
                } else {
                    nacked ? .nacked : .confirmed
                }
            resolve(waiter, outcome)
        }
        while let slot = slots.first, slot.isAnswered {
            slots.removeFirst()
            first += 1
        }
        return true
    }

    /// Nobody waits for this publish any more. Its slot stays. Returns who waited.
    mutating func abandon(_ number: UInt64) -> Waiter? {
        guard let index = index(number) else { return nil }
        defer { slots[index].waiter = nil }
        return slots[index].waiter
    }

    /// Takes everybody who waits, in the order of publishing: the channel is gone.
    mutating func abandonAll() -> [Waiter] {
        defer { slots.removeAll() }
        return slots.compactMap(\.waiter)
    }

    /// The oldest publish that somebody waits for, from `number` on.
    func oldestWaiting(from number: UInt64) -> (number: UInt64, waiter: Waiter)? {
        var number = max(number, first)
        while number < next {
            if let waiter = slots[Int(number - first)].waiter { return (number, waiter) }
            number += 1
        }
        return nil
    }

    private func index(_ number: UInt64) -> Int? {
        number >= first && number < next ? Int(number - first) : nil
    }
}
