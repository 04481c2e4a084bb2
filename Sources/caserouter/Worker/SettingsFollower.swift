import CaseRouting
import Logging
import Operations

/// Hands what people have set to the duties, at the start and within a second or two of every change.
actor SettingsFollower {
    private let worker: Worker
    private let duties: [any Duty]
    private var version: Int64 = 0
    private var isStopping = false

    init(_ worker: Worker, _ duties: [any Duty]) {
        self.worker = worker
        self.duties = duties
    }

    func interrupt() { isStopping = true }

    /// Returns when the duties have their settings for the first time: nothing may be decided before. False: stopped.
    func begin() async -> Bool {
        while version == 0 && !isStopping && !Task.isCancelled {
            await look()
            // Cancellation ends the loop.
            if version == 0 { try? await worker.clock.sleep(for: .seconds(1)) }
        }
        return version != 0
    }

    func run() async {
        while !isStopping && !Task.isCancelled {
            await look()
            // Cancellation ends the loop.
            try? await worker.clock.sleep(for: .seconds(1))
        }
    }

    private func look() async {
        do {
            let current = try await worker.configurationStore.version()
            guard current != version else { return }
            let stored = try await worker.configurationStore.load()
            var credentials: [String: [UInt8]] = [:]
            for target in stored.orgs.map({ "org:\($0.name)" }) + stored.servers.map({ "cic:\($0.name)" }) {
                credentials[target] = try await worker.credentials.read(target)
            }
            let settings = WorkerSettings(stored: stored, credentials: credentials)
            for duty in duties {
                do {
                    try await duty.use(settings)
                } catch {
                    // The rest takes effect all the same.
                    worker.logger.error(.configurationFailed, metadata: ["reason": "\(error)"])
                }
            }
            version = stored.version
            worker.logger.info(.configurationChanged, metadata: ["version": "\(version)"])
        } catch {
            // A question that the end of the process cuts short is no failure.
            if isStopping || Task.isCancelled { return }
            worker.logger.error(.configurationFailed, metadata: ["reason": "\(error)"])
        }
    }
}
