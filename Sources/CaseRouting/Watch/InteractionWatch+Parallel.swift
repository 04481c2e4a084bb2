/// Statements and questions of the watch that do not wait for each other.
extension InteractionWatch {
    /// Does something for all items, at most `width` at a time.
    func inParallel<Item: Sendable, Output: Sendable>(
        _ items: [Item], width: Int, _ body: @escaping @Sendable (Item) async -> Output
    ) async -> [(Item, Output)] {
        guard items.count > 1 else {
            guard let only = items.first else { return [] }
            return [(only, await body(only))]
        }
        return await withTaskGroup(of: (Item, Output).self) { group in
            var rest = items.makeIterator()
            func begin() {
                guard let item = rest.next() else { return }
                group.addTask(executorPreference: executor) { (item, await body(item)) }
            }
            for _ in 0..<width { begin() }
            var done: [(Item, Output)] = []
            done.reserveCapacity(items.count)
            for await one in group {
                done.append(one)
                begin()
            }
            return done
        }
    }

    /// A failure as a value, so that one does not end the others.
    static func outcome<Output: Sendable>(
        _ body: () async throws(RoutingFailure) -> Output
    ) async -> Result<Output, RoutingFailure> {
        do throws(RoutingFailure) {
            return .success(try await body())
        } catch {
            return .failure(error)
        }
    }
}
