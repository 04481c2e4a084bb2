import Foundation
import Testing

@testable import Store

/// The file that the master keys lie in.
@Suite struct MasterKeysTests {
    @Test(arguments: [
        (0o400, false, true), (0o440, false, false), (0o404, false, false),
        // systemd opens a credential to the service's user by an access control list, which shows as the group's right.
        (0o440, true, true), (0o444, true, false), (0o460, true, false),
    ])
    func `a key file that others may read is refused, and a credential of systemd is none`(
        mode: Int, isCredential: Bool, isTaken: Bool
    ) throws {
        let directory = FileManager.default.temporaryDirectory.appending(path: "keys-\(UUID().uuidString)").path
        try FileManager.default.createDirectory(atPath: directory, withIntermediateDirectories: false)
        // What is left behind is in the temporary directory.
        defer { try? FileManager.default.removeItem(atPath: directory) }
        let file = directory + "/keys"
        let id = try MasterKeys.generate(file: file)
        try FileManager.default.setAttributes([.posixPermissions: mode], ofItemAtPath: file)
        let credentials = isCredential ? directory : directory + "-of-another"
        do {
            #expect(try MasterKeys(file: file, credentials: credentials).primary == id)
            #expect(isTaken)
        } catch {
            #expect(!isTaken && "\(error)".contains("chmod 400"), "\(error)")
        }
    }
}
