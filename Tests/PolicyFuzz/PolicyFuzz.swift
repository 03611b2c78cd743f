import Foundation
import SelatPolicy

// The fuzzer of the policy files' readers: libFuzzer changes bytes, and whatever they are, each
// reader must give a value or an error, within bounds, and a layout must say the same.
//
// The first byte chooses which file of the set the others stand for. `scripts/fuzz` builds it.

/// What libFuzzer calls with each input.
@_cdecl("LLVMFuzzerTestOneInput")
public func testOneInput(_ bytes: UnsafePointer<UInt8>?, _ size: Int) -> Int32 {
    Readers.read(Array(UnsafeBufferPointer(start: bytes, count: size)))
    return 0
}

enum Readers {
    static let names = [
        "MY.yaml", "ASEAN.yaml", "agreements.yaml", "vocabulary.yaml", "tests/MY.yaml",
    ]
    static let files = ShippedFiles.all()
    static let reload = try? PolicyReload(files)
    static let set = try? PolicySet.load(files: files)

    static func read(_ input: [UInt8]) {
        guard let reload, let set else { fatalError("the shipped files do not load") }
        guard let first = input.first else { return }
        let name = names[Int(first) % names.count]
        let changed = PolicySource(name: "Policies/\(name)", bytes: Array(input.dropFirst()))
        if name.hasPrefix("tests/") {
            _ = try? PolicyCaseReader.read([changed], for: set)
        } else {
            _ = reload.errors(changing: changed)
            _ = try? EditionHead(changed)
        }
        guard let once = try? PolicyLayout.format(changed, vocabulary: nil) else { return }
        let again = PolicySource(name: changed.name, bytes: Array(once.utf8))
        let twice = try? PolicyLayout.format(again, vocabulary: nil)
        precondition(twice == once, "a layout laid out again is another one")
    }
}

enum ShippedFiles {
    static func all() -> [PolicySource] {
        let names = (try? FileManager.default.contentsOfDirectory(atPath: "Policies")) ?? []
        return names.filter { $0.hasSuffix(".yaml") }.map { name in
            let bytes = FileManager.default.contents(atPath: "Policies/\(name)") ?? Data()
            return PolicySource(name: "Policies/\(name)", bytes: Array(bytes))
        }
    }
}
