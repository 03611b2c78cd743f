import Foundation
import SelatPolicy

// The fuzzer of the policy files' readers: libFuzzer changes bytes, and whatever they are, each
// reader must give a value or an error, within bounds, and a layout must say the same.
//
// The first byte chooses which file of the set the others stand for. `scripts/fuzz` builds it.

@_silgen_name("LLVMFuzzerRunDriver")
func runFuzzer(
    _ count: UnsafeMutablePointer<Int32>,
    _ arguments: UnsafeMutablePointer<UnsafeMutablePointer<UnsafeMutablePointer<CChar>?>>,
    _ target: @convention(c) (UnsafePointer<UInt8>?, Int) -> Int32
) -> Int32

let names = ["MY.yaml", "ASEAN.yaml", "agreements.yaml", "vocabulary.yaml", "tests/MY.yaml"]

func source(_ name: String) -> PolicySource {
    guard let bytes = FileManager.default.contents(atPath: "Policies/\(name)") else {
        fatalError("Policies/\(name) cannot be read; run it from the project's root")
    }
    return PolicySource(name: "Policies/\(name)", bytes: Array(bytes))
}

let files = names.prefix(4).map(source) + [source("SG.yaml")]
let reload = try PolicyReload(files)
let set = try PolicySet.load(files: files)

func read(_ input: [UInt8]) {
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

var count = CommandLine.argc
var arguments = CommandLine.unsafeArgv
exit(
    runFuzzer(&count, &arguments) { bytes, size in
        read(Array(UnsafeBufferPointer(start: bytes, count: size)))
        return 0
    })
