import CaseRouting
import Logging
import Operations
import Store

/// Hands what people have set to the duties, at the start and within a second or two of every change.
actor SettingsFollower {
    private let worker: Worker
    private let duties: [any Duty]
    private var version: Int64 = 0
    /// By target, as they could be read last.
    private var credentials: [String: [UInt8]] = [:]
    private var lacksCredential = false
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
            guard current != version || lacksCredential else { return }
            let stored = try await worker.configurationStore.load()
            try await readCredentials(
                stored.orgs.map { "org:\($0.name)" } + stored.servers.map { "cic:\($0.name)" })
            let settings = WorkerSettings(stored: stored, credentials: credentials)
            for duty in duties {
                do {
                    try await duty.use(settings)
                } catch {
                    // The rest takes effect all the same.
                    worker.logger.error(.configurationFailed, metadata: ["reason": "\(Self.reason(error))"])
                }
            }
            let isNew = version != stored.version
            version = stored.version
            if isNew { worker.logger.info(.configurationChanged, metadata: ["version": "\(version)"]) }
        } catch {
            // A question that the end of the process cuts short is no failure.
            if isStopping || Task.isCancelled { return }
            // While the database is away that is said once, and nothing is wrong with the settings.
            let level: Logger.Level = await worker.database.isUp ? .error : .debug
            worker.logger.log(
                level: level, "\(LogEvent.configurationFailed.rawValue)",
                metadata: ["reason": "\(Self.reason(error))"])
        }
    }

    private static func reason(_ error: any Error) -> String {
        (error as? RoutingFailure)?.summary ?? String(describing: error)
    }

    /// A secret that cannot be opened leaves its target with the one before, and is tried again. It must not keep the rest
    /// from taking effect: cases are decided only under the settings in force.
    private func readCredentials(_ targets: [String]) async throws {
        var read: [String: [UInt8]] = [:]
        lacksCredential = false
        for target in targets {
            do {
                read[target] = try await worker.credentials.read(target)
            } catch let error as MasterKeys.Problem {
                lacksCredential = true
                read[target] = credentials[target]
                worker.logger.error(.configurationFailed, metadata: ["reason": "\(target): \(error)"])
            }
        }
        credentials = read
    }
}
