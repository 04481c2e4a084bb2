import Foundation
import Testing

@testable import caserouter_dev

/// The disk that a campaign fills.
struct SmallDiskTests {
    @Test func `a disk is full, has room again, and goes with its run; or the message says who may mount one`()
        async throws
    {
        let run = try RunDirectory(root: NSTemporaryDirectory() + "disk-\(UUID().uuidString)", name: "run")
        try run.makeEmpty()
        defer { try? FileManager.default.removeItem(atPath: run.path) }  // Left behind it would only take room.
        let folder = run.file("postgres")
        try FileManager.default.createDirectory(atPath: folder, withIntermediateDirectories: false)
        let page = Data(repeating: 1, count: 8_192)
        let disk: SmallDisk
        do {
            disk = try await SmallDisk.mount(over: folder, in: run)
        } catch let failure as RunFailure {
            #expect(failure.description.contains("only root may mount"))
            #expect(geteuid() != 0 || !Self.mayMount)
            return
        }
        try page.write(to: URL(filePath: folder + "/before"))
        try disk.fill()
        #expect(throws: (any Error).self) { try page.write(to: URL(filePath: folder + "/during")) }
        disk.clear()
        try page.write(to: URL(filePath: folder + "/after"))
        #expect(try run.endEverything() == 0)
        #expect(try FileManager.default.contentsOfDirectory(atPath: folder).isEmpty)
    }

    /// A container's root may be without this right (`CAP_SYS_ADMIN`).
    private static var mayMount: Bool {
        let text = try? String(contentsOfFile: "/proc/self/status", encoding: .utf8)  // Else it fails, as it should.
        let line = text?.split(separator: "\n").first { $0.hasPrefix("CapEff:") }?.split(separator: "\t").last
        return UInt64(line ?? "", radix: 16).map { $0 & 1 << 21 != 0 } ?? false
    }
}
