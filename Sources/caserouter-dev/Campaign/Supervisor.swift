import Foundation

/// Starts workers again that ended although nobody asked them to, as a service manager does, and remembers it.
actor Supervisor {
    private let scene: Scene
    private(set) var accidents: [String] = []

    init(scene: Scene) { self.scene = scene }

    /// Looks until it is cancelled.
    func run() async throws {
        while !Task.isCancelled {
            if let missing = await scene.crew.missing() {
                await scene.crew.leave(missing.place)
                accidents.append("\(missing.place.label) ended with \(missing.code)")
                Terminal.line("         \(missing.place.label) ended with \(missing.code), and is started again")
                try await scene.restart(missing.place)
            }
            do {
                try await Task.sleep(for: .milliseconds(500))
            } catch {
                return
            }
        }
    }
}
