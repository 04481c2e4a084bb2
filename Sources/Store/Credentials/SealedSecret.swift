import Crypto
import Foundation

/// A secret as the database holds it: sealed under a data key of its own, which is wrapped under a master key.
///
/// AES-256-GCM both times, with the row's identity as associated data: moved to another row, or back to another version,
/// it does not open.
struct SealedSecret {
    let keyID: String
    let wrappedKey: [UInt8]
    let sealed: [UInt8]

    init(keyID: String, wrappedKey: [UInt8], sealed: [UInt8]) {
        self.keyID = keyID
        self.wrappedKey = wrappedKey
        self.sealed = sealed
    }

    init(sealing secret: [UInt8], for target: String, version: Int32, with keys: MasterKeys) throws(MasterKeys.Problem)
    {
        guard let master = keys.key(keys.primary) else { preconditionFailure("the primary key is one of the keys") }
        let dataKey = SymmetricKey(size: .bits256)
        let bound = Self.associated(target, version)
        do {
            // The nonce is random and in the box; a data key seals once, so none is used twice.
            guard let box = try AES.GCM.seal(secret, using: dataKey, authenticating: bound).combined,
                let wrapped = try dataKey.withUnsafeBytes({
                    try AES.GCM.seal(Data($0), using: master, authenticating: bound).combined
                })
            else { preconditionFailure("a 96-bit nonce combines") }
            keyID = keys.primary
            wrappedKey = Array(wrapped)
            sealed = Array(box)
        } catch {
            throw MasterKeys.Problem(description: "the secret of \(target) cannot be sealed")
        }
    }

    func open(for target: String, version: Int32, with keys: MasterKeys) throws(MasterKeys.Problem) -> [UInt8] {
        guard let master = keys.key(keyID) else {
            throw MasterKeys.Problem(
                description: "the secret of \(target) is under key \(keyID), which the key file does not hold")
        }
        let bound = Self.associated(target, version)
        do {
            let dataKey = try AES.GCM.open(
                try AES.GCM.SealedBox(combined: wrappedKey), using: master, authenticating: bound)
            let secret = try AES.GCM.open(
                try AES.GCM.SealedBox(combined: sealed), using: SymmetricKey(data: dataKey), authenticating: bound)
            return Array(secret)
        } catch {
            throw MasterKeys.Problem(
                description:
                    "the secret of \(target) does not open with key \(keyID): it was altered or belongs elsewhere")
        }
    }

    /// The same secret with its data key under the first of the keys.
    func rewrapped(for target: String, version: Int32, with keys: MasterKeys) throws(MasterKeys.Problem) -> SealedSecret
    {
        guard let old = keys.key(keyID), let master = keys.key(keys.primary) else {
            throw MasterKeys.Problem(
                description: "the secret of \(target) is under key \(keyID), which the key file does not hold")
        }
        let bound = Self.associated(target, version)
        do {
            let dataKey = try AES.GCM.open(
                try AES.GCM.SealedBox(combined: wrappedKey), using: old, authenticating: bound)
            guard let wrapped = try AES.GCM.seal(dataKey, using: master, authenticating: bound).combined else {
                preconditionFailure("a 96-bit nonce combines")
            }
            return SealedSecret(keyID: keys.primary, wrappedKey: Array(wrapped), sealed: sealed)
        } catch {
            throw MasterKeys.Problem(
                description:
                    "the secret of \(target) does not open with key \(keyID): it was altered or belongs elsewhere")
        }
    }

    private static func associated(_ target: String, _ version: Int32) -> Data {
        Data("caserouter.credentials/1/\(target)/\(version)".utf8)
    }
}
