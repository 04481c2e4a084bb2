import CaseRouting
import Operations
import Postgres

/// The key file and what opens with it.
public struct StoredCredentials: CredentialExaminer {
    private let database: PostgresDatabase
    private let keys: Result<MasterKeys, MasterKeys.Problem>

    /// - Parameter keyFile: nil: no file is named.
    public init(_ database: PostgresDatabase, keyFile: String?) {
        self.database = database
        guard let keyFile else {
            keys = .failure(MasterKeys.Problem(description: "CASEROUTER_KEY_FILE is not set"))
            return
        }
        keys = Result { () throws(MasterKeys.Problem) in try MasterKeys(file: keyFile) }
    }

    public func examine() async -> [DoctorLine] {
        switch keys {
        case .success(let keys):
            [
                .ok(
                    .keyFile, "settings",
                    "it holds \(keys.ids.count) keys; what is stored now is sealed under \(keys.primary)")
            ]
        case .failure(let problem): [.failure(.keyFile, "settings", problem.description)]
        }
    }

    public func open(_ target: String) async -> (secret: [UInt8]?, lines: [DoctorLine]) {
        let store: CredentialStore
        let primary: String
        switch keys {
        case .success(let keys): (store, primary) = (CredentialStore(database: database, keys: keys), keys.primary)
        case .failure:
            return (nil, [.failure(.credentialOpens, target, "without the key file no credential opens")])
        }
        do {
            guard let secret = try await store.read(target) else {
                return (nil, [.failure(.credentialStored, target, "no credential is stored")])
            }
            let stored = try await store.list().first { $0.target == target && $0.isNewest }
            let version = stored.map { "version \($0.version), " } ?? ""
            let key = stored?.keyID ?? primary
            let sentence = "\(version)sealed under key \(key)"
            return (
                secret,
                [
                    key == primary
                        ? .ok(.credentialOpens, target, sentence)
                        : .warning(
                            .credentialOpens, target, "\(sentence), which is not the newest key",
                            "caserouter keys rotate")
                ]
            )
        } catch {
            return (nil, [.failure(.credentialOpens, target, "\(error)")])
        }
    }
}
