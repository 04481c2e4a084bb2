import Logging
import Web

/// Serves health over HTTP. Holds no duty for cases.
actor ServeDuty: Duty {
    private let worker: Worker
    private let server: HealthServer

    init(_ worker: Worker) throws {
        self.worker = worker
        let address = try worker.surroundings.listen(default: "127.0.0.1:8080") ?? ("127.0.0.1", 8080)
        let database = worker.database
        server = HealthServer(host: address.host, port: address.port, logger: worker.logger) {
            await database.isUp ? [] : ["the database cannot be reached"]
        }
    }

    func use(_ settings: WorkerSettings) {}

    func run() async {
        // A process that looks alive and answers nobody would be worse than one that ends.
        if let problem = await server.run() { worker.end(because: Misconfigured("CASEROUTER_LISTEN: \(problem)")) }
    }

    func stop() async { await server.stop() }

    func close() {}
}
