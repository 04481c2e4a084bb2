/// The entries of a mirror by interaction, close together: a hundred thousand may be alive.
///
/// A dictionary of entries would keep up to two thirds of its places free, each as large as an entry. This one keeps their
/// numbers, of four bytes.
struct MirrorEntries: Sequence {
    typealias Entry = InteractionMirror.Entry
    typealias Element = (key: InteractionID, value: Entry)

    private var places: [InteractionID: Int32] = [:]
    private var entries: [Entry?] = []
    private var free: [Int32] = []

    var count: Int { places.count }
    var isEmpty: Bool { places.isEmpty }
    var keys: Dictionary<InteractionID, Int32>.Keys { places.keys }

    subscript(interaction: InteractionID) -> Entry? {
        get { places[interaction].flatMap { entries[Int($0)] } }
        set {
            if let place = places[interaction] {
                entries[Int(place)] = newValue
                guard newValue == nil else { return }
                places[interaction] = nil
                free.append(place)
            } else if let newValue {
                if let place = free.popLast() {
                    places[interaction] = place
                    entries[Int(place)] = newValue
                } else {
                    places[interaction] = Int32(entries.count)
                    entries.append(newValue)
                }
            }
        }
    }

    func makeIterator() -> AnyIterator<Element> {
        var rest = places.makeIterator()
        return AnyIterator {
            rest.next().map { interaction, place in
                guard let entry = entries[Int(place)] else { preconditionFailure("an interaction without its entry") }
                return (interaction, entry)
            }
        }
    }
}

/// The queues that show an interaction: nearly always one, which costs no memory of its own.
struct ShowingQueues {
    private var first: String?
    private var others: [String] = []

    var isEmpty: Bool { first == nil }
    /// In no order.
    var names: [String] { first.map { [$0] + others } ?? [] }

    func contains(_ queue: String) -> Bool { first == queue || others.contains(queue) }

    mutating func insert(_ queue: String) {
        if contains(queue) { return }
        if first == nil { first = queue } else { others.append(queue) }
    }

    /// Returns whether it was there.
    @discardableResult mutating func remove(_ queue: String) -> Bool {
        if first == queue {
            first = others.popLast()
            return true
        }
        guard let index = others.firstIndex(of: queue) else { return false }
        others.remove(at: index)
        return true
    }
}
