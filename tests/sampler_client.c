/* Runs `serving_default` of an exported sampler through TensorFlow's C API.
 *
 *   sampler_client FOLDER BATCH LATENT_DIM
 *       LATENTS_OP UNIFORM_OP LABELS_OP IMAGES_OP IMAGES_INDEX
 *
 * reads latents (float32), uniform numbers (float32) and labels (int32) of
 * BATCH rows from standard input and writes the images to standard output.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "tensorflow/c/c_api.h"

static void check(TF_Status* status, const char* what) {
  if (TF_GetCode(status) == TF_OK) return;
  fprintf(stderr, "%s: %s\n", what, TF_Message(status));
  exit(1);
}

static TF_Tensor* read_tensor(TF_DataType type, const int64_t* dims, int rank) {
  size_t bytes = TF_DataTypeSize(type);
  for (int i = 0; i < rank; ++i) bytes *= (size_t)dims[i];
  TF_Tensor* tensor = TF_AllocateTensor(type, dims, rank, bytes);
  if (fread(TF_TensorData(tensor), 1, bytes, stdin) != bytes) {
    fprintf(stderr, "standard input is too short\n");
    exit(1);
  }
  return tensor;
}

static TF_Output output_of(TF_Graph* graph, const char* name, int index) {
  TF_Output output = {TF_GraphOperationByName(graph, name), index};
  if (output.oper == NULL) {
    fprintf(stderr, "the graph has no operation %s\n", name);
    exit(1);
  }
  return output;
}

int main(int argc, char** argv) {
  if (argc != 9) {
    fprintf(stderr, "wrong number of arguments\n");
    return 2;
  }
  const int64_t dims[2] = {atoll(argv[2]), atoll(argv[3])};

  TF_Status* status = TF_NewStatus();
  TF_Graph* graph = TF_NewGraph();
  TF_SessionOptions* options = TF_NewSessionOptions();
  const char* tags[] = {"serve"};
  TF_Session* session = TF_LoadSessionFromSavedModel(
      options, NULL, argv[1], tags, 1, graph, NULL, status);
  check(status, "load");

  TF_Output inputs[3];
  for (int i = 0; i < 3; ++i) inputs[i] = output_of(graph, argv[4 + i], 0);
  TF_Tensor* values[3] = {
      read_tensor(TF_FLOAT, dims, 2),
      read_tensor(TF_FLOAT, dims, 1),
      read_tensor(TF_INT32, dims, 1),
  };
  TF_Output output = output_of(graph, argv[7], atoi(argv[8]));
  TF_Tensor* images = NULL;
  TF_SessionRun(session, NULL, inputs, values, 3, &output, &images, 1, NULL, 0,
                NULL, status);
  check(status, "run");

  if (TF_TensorType(images) != TF_FLOAT || TF_NumDims(images) != 4) {
    fprintf(stderr, "images are no float32 of rank 4\n");
    return 1;
  }
  fwrite(TF_TensorData(images), 1, TF_TensorByteSize(images), stdout);

  TF_DeleteTensor(images);
  for (int i = 0; i < 3; ++i) TF_DeleteTensor(values[i]);
  TF_CloseSession(session, status);
  TF_DeleteSession(session, status);
  TF_DeleteSessionOptions(options);
  TF_DeleteGraph(graph);
  TF_DeleteStatus(status);
  return 0;
}
