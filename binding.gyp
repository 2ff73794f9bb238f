# For `node-gyp rebuild`: hands over to the CMake build, so that there is one description of the native code.
{
  'targets': [{
    'target_name': 'intraclass',
    'type': 'none',
    'actions': [{
      'action_name': 'cmake',
      'inputs': ['CMakeLists.txt'],
      'outputs': ['<(module_root_dir)/build/Release/intraclass.node'],
      'action': ['node', 'scripts/build.mjs', '--native-only'],
    }],
  }],
}
